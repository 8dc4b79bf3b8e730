"""Procedures of shipped packs, run from the shell to their end."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.recorded_names import recorded

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

ERROR = "2026-01-01T02:00:01Z shop ERROR the database does not answer\n"


def start(vasini: Vasini, log: Path) -> dict[str, Any]:
    settings = {"service": "shop", "log": str(log), "out_dir": "out", "watch_seconds": "1"}
    chosen = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    return vasini.ok("run", "on-call/incident", "--wait", *chosen)


def decide(vasini: Vasini, run_id: str, step: str, *verb: str) -> dict[str, Any]:
    """Decide what the run asks at `step`, let it go on, and return its document."""
    approvals = vasini.ok("approvals", "--run", run_id)["approvals"]
    (approval,) = [each for each in approvals if each["status"] == "PENDING"]
    assert approval["step_id"] == step
    assert approval["risk"] == "high"
    name, *options = verb or ("approve",)
    vasini.ok(name, approval["approval_id"], "--digest", approval["digest"], *options)
    vasini.ok("worker", "--until-idle")
    return vasini.ok("show", run_id)


def test_an_incident_is_worked_through_with_two_approvals(vasini: Vasini, tmp_path: Path) -> None:
    log = tmp_path / "shop.log"
    log.write_text("2026-01-01T02:00:00Z shop INFO ready\n" + ERROR)
    run = start(vasini, log)
    assert run["status"] == "PENDING_HUMAN"
    decide(vasini, run["run_id"], "announce.approval")
    shown = decide(vasini, run["run_id"], "mitigate.approval")
    assert shown["run"]["status"] == "COMPLETED"
    out = vasini.cwd / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "announcement.md",
        "incident.md",
        "shop.maintenance",
    ]
    record = (out / "incident.md").read_text()
    assert ERROR.strip() in record
    assert "| First error | 2026-01-01T02:00:01Z |" in record
    approver = shown["run"]["requested_by"]
    assert record.count(f" {approver} |") == 2
    assert "watched for 1 second, 0 lines of shop came. That is no proof that it works" in record
    told = "1 error of shop in the last 60 minutes of the log (2 lines until 2026-01-01T02:00:01Z)"
    assert shown["run"]["output"]["summary"].startswith(told)


def test_without_an_error_nothing_is_announced(vasini: Vasini, tmp_path: Path) -> None:
    log = tmp_path / "shop.log"
    log.write_text("2026-01-01T02:00:00Z shop INFO served in 503 ms\n")
    run = start(vasini, log)
    assert run["status"] == "COMPLETED"
    shown = vasini.ok("show", run["run_id"])["run"]
    assert "Nothing was announced, nothing was changed." in shown["output"]["summary"]
    assert vasini.ok("approvals")["approvals"] == []
    assert not (vasini.cwd / "out").exists()


def test_an_incident_that_goes_on_is_handed_off_and_the_one_who_takes_over_reads_why(
    vasini: Vasini, tmp_path: Path
) -> None:
    access, log = tmp_path / "access.log", tmp_path / "shop.log"
    access.write_text('10.0.0.1 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 1\n')
    log.write_text(ERROR)
    triage = vasini.ok("run", "log-triage/incident", "--set", f"log={access}", "--set", "out_dir=t", "--wait")
    vasini.ok("answer", triage["run_id"], "--values", '{"severity": "high", "note": "shop is down"}')
    (known,) = vasini.ok("handoffs", triage["run_id"])["handoffs"]
    assert (known["target"], known["context_transfer"], known["reason"]) == ("on-call", "summary", None)
    run = vasini.ok(
        "handoff", triage["run_id"], "on-call/incident", "--note", "it still burns", "--as", "mara", "--wait",
        "--set", "service=shop", "--set", f"log={log}", "--set", "out_dir=out", "--set", "watch_seconds=0",
    )  # fmt: skip
    assert (run["status"], run["handed_off_from"]) == ("PENDING_HUMAN", triage["run_id"])
    assert run["handoff"]["decisions"][0]["answer"]["note"] == "shop is down"
    (approval,) = vasini.ok("approvals", "--run", run["run_id"])["approvals"]
    assert f"Handed off by {recorded('mara')} from log-triage/incident" in approval["message"]
    assert "Note: it still burns" in approval["message"]
    assert "How bad is it? {" in approval["message"]
    assert '"note": "shop is down"' in approval["message"]
    assert vasini.ok("show", triage["run_id"])["handed_off_to"] == [run["run_id"]]
    decide(vasini, run["run_id"], "announce.approval")
    shown = decide(vasini, run["run_id"], "mitigate.approval")
    assert shown["run"]["status"] == "COMPLETED"
    record = (vasini.cwd / "out" / "incident.md").read_text()
    assert f"Handed off by {recorded('mara')} from log-triage/incident ({triage['run_id']})." in record


def test_a_procedure_that_cannot_begin_asks_a_person_who_may_say_no(vasini: Vasini, tmp_path: Path) -> None:
    run_id = start(vasini, tmp_path / "missing.log")["run_id"]
    shown = decide(vasini, run_id, "escalation", "reject", "--comment", "not now")
    assert shown["run"]["status"] == "FAILED"
    assert shown["run"]["error"]["code"] == "approval_rejected"
    assert not (vasini.cwd / "out").exists()


def test_a_procedure_without_approvals_runs_through(vasini: Vasini) -> None:
    repo = vasini.cwd
    subprocess.run(["git", "-c", "init.defaultBranch=main", "init", "--quiet"], cwd=repo, check=True)
    (repo / "a.txt").write_text("one\n")
    identity = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org")
    subprocess.run(["git", "add", "a.txt"], cwd=repo, check=True)
    subprocess.run(["git", *identity, "commit", "--quiet", "-m", "begin"], cwd=repo, check=True)
    (repo / "a.txt").write_text("two\n")
    run = vasini.ok("run", "senior-python-dev/change-survey", "--set", "repo=.", "--wait")
    assert run["status"] == "COMPLETED"
    assert "+two" in vasini.ok("show", run["run_id"])["run"]["output"]["text"]
