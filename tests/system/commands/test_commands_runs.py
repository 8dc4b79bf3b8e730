"""`vasini run`, `runs`, `show`, `events`, `worker` as programs use them: shapes, exit statuses, pages."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.recorded_names import recorded

if TYPE_CHECKING:
    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

RUN_KEYS = {"run_id", "status", "pack", "pack_version", "flow"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

REPORT = """\
input:
  type: object
  properties: {title: {type: string}, depth: {type: integer}, tags: {type: object}}
  required: [title]
  additionalProperties: false
steps:
  - {id: write, type: tool, tool: text.report, params: {title: "{{ payload.title }}", body: done}}
"""


@pytest.fixture
def jobs(vasini: Vasini) -> Vasini:
    """A home with a flow that needs nobody."""
    vasini.make_pack("jobs", report=REPORT)
    return vasini


def hello(vasini: Vasini, *arguments: str) -> dict[str, Any]:
    return vasini.ok("run", "hello/hello", "--set", "name=Bo", *arguments)


def test_a_run_stays_queued_until_a_worker_comes(jobs: Vasini) -> None:
    run = jobs.ok("run", "jobs/report", "--set", "title=x")
    assert run.keys() >= RUN_KEYS
    assert (run["status"], run["pack"], run["pack_version"]) == ("QUEUED", "jobs", "1.0.0")
    assert TIME.fullmatch(run["created_at"])
    assert jobs.ok("show", run["run_id"])["run"]["status"] == "QUEUED"
    worked = jobs.ok("worker", "--until-idle")
    assert worked["stopped_by"] == "idle"
    shown = jobs.ok("show", run["run_id"])
    assert shown["run"]["status"] == "COMPLETED"
    assert shown["run"]["output"]["text"] == "# x\n\ndone\n"
    (step,) = shown["steps"]
    assert {"step_id": "write", "status": "COMPLETED", "attempt": 1}.items() <= step.items()
    assert shown["approvals"] == shown["forms"] == []


def test_wait_works_the_run_until_it_ends_or_waits(jobs: Vasini) -> None:
    assert jobs.ok("run", "jobs/report", "--set", "title=x", "--wait")["status"] == "COMPLETED"
    waiting = hello(jobs, "--wait")
    assert (waiting["status"], waiting["waiting_for"]["kind"]) == ("PENDING_USER_INPUT", "form")


def test_wait_ends_when_a_run_below_waits_for_a_person(jobs: Vasini) -> None:
    jobs.make_pack(
        "above", flow="steps:\n  - {id: below, type: subflow, subflow: hello/hello, params: {name: Bo}}\n"
    )
    run = jobs.ok("run", "above/flow", "--wait")
    assert run["status"] == "RUNNING"
    assert run["waiting_for"]["kind"] == "child"
    child_id = run["waiting_for"]["id"]
    child = jobs.ok("show", child_id)["run"]
    assert (child["status"], child["parent_run_id"]) == ("PENDING_USER_INPUT", run["run_id"])
    jobs.ok("answer", child_id, "--values", '{"style": "brief"}')
    jobs.ok("worker", "--until-idle")
    (approval,) = jobs.ok("approvals", "--run", child_id)["approvals"]
    jobs.ok("approve", approval["approval_id"])
    jobs.ok("worker", "--until-idle")
    assert jobs.ok("show", run["run_id"])["run"]["output"]["greeting"] == "Hello!"


def test_wait_tells_a_failed_run_by_its_status(vasini: Vasini) -> None:
    vasini.make_pack(
        "jobs",
        fails="steps:\n  - {id: read, type: tool, tool: files.read, params: {root: /, path: no-such}}\n",
    )
    outcome = vasini("run", "jobs/fails", "--wait", "--json")
    assert outcome.status == 6
    assert outcome.document["status"] == "FAILED"
    assert outcome.document["error"]["code"] == "not_found"
    assert "Traceback" not in outcome.stderr


def test_the_same_key_is_the_same_run_and_another_payload_a_conflict(jobs: Vasini) -> None:
    first = jobs.ok("run", "jobs/report", "--set", "title=x", "--idempotency-key", "k")
    again = jobs.ok("run", "jobs/report", "--input", '{"title": "x"}', "--idempotency-key", "k")
    assert again["run_id"] == first["run_id"]
    empty = jobs("run", "jobs/report", "--set", "title=x", "--idempotency-key", "", "--json")
    assert (empty.status, empty.error["code"]) == (4, "invalid_input")
    other = jobs("run", "jobs/report", "--set", "title=y", "--idempotency-key", "k", "--json")
    assert (other.status, other.error["code"]) == (5, "idempotency_conflict")
    tenant = jobs.ok("run", "jobs/report", "--set", "title=y", "--idempotency-key", "k", "--tenant", "acme")
    assert tenant["run_id"] != first["run_id"]
    assert len(jobs.ok("runs")["runs"]) == 1
    assert len(jobs.ok("runs", "--all-tenants")["runs"]) == 2
    assert [run["run_id"] for run in jobs.ok("runs", "--tenant", "acme")["runs"]] == [tenant["run_id"]]


def test_the_payload_comes_from_text_a_file_stdin_and_assignments(jobs: Vasini) -> None:
    (jobs.cwd / "in.json").write_text('{"title": "file", "depth": 1}')
    run = jobs.ok(
        "run", "jobs/report", "--input", "@in.json", "--set", "depth=2", "--set", "tags.a=[true]", "--wait"
    )
    assert run["input"] == {"title": "file", "depth": 2, "tags": {"a": [True]}}
    typed = jobs("run", "jobs/report", "--input", "-", "--json", stdin=b'{"title": "stdin"}')
    assert typed.document["input"] == {"title": "stdin"}
    # text where the flow's input is text, else JSON
    assert jobs.ok("run", "jobs/report", "--set", "title=1.10")["input"] == {"title": "1.10"}
    number = jobs("run", "jobs/report", "--set", "title=x", "--set", "depth=deep", "--json")
    assert (number.status, number.error["code"]) == (4, "invalid_input")
    assert number.error["details"]["errors"][0]["field"] == "depth"
    assert jobs.ok("run", "jobs/report", "--set", 'title="2"')["input"] == {"title": "2"}


def test_the_actor_is_named_and_never_over_ssh(jobs: Vasini) -> None:
    assert jobs.ok("run", "jobs/report", "--set", "title=x", "--as", "ana")["requested_by"] == recorded("ana")
    remote = jobs.with_settings(SSH_CONNECTION="192.0.2.1 1 192.0.2.2 22")
    refused = remote("run", "jobs/report", "--set", "title=x", "--as", "ana", "--json")
    assert (refused.status, refused.error["code"]) == (2, "usage")


def test_runs_are_paged_newest_first_and_filtered(jobs: Vasini) -> None:
    ids = [jobs.ok("run", "jobs/report", "--set", f"title={name}")["run_id"] for name in "abc"]
    hello(jobs)
    jobs.ok("worker", "--until-idle")
    first = jobs.ok("runs", "--limit", "2", "--status", "completed")
    assert [run["run_id"] for run in first["runs"]] == [ids[2], ids[1]]
    rest = jobs.ok("runs", "--limit", "2", "--status", "completed", "--after", first["next"])
    assert [run["run_id"] for run in rest["runs"]] == [ids[0]]
    assert rest["next"] is None
    assert [run["pack"] for run in jobs.ok("runs", "--status", "pending_user_input")["runs"]] == ["hello"]
    assert jobs("runs", "--status", "sleeping", "--json").status == 2
    assert jobs("runs", "--limit", "0", "--json").status == 2
    stray = jobs("runs", "--after", "zzz", "--json")
    assert (stray.status, stray.error["code"]) == (4, "invalid_input")


def test_events_are_json_lines_without_gaps(jobs: Vasini) -> None:
    run = jobs.ok("run", "jobs/report", "--set", "title=x", "--wait")
    lines = jobs("events", run["run_id"], "--json").lines
    assert [line["run_seq"] for line in lines] == list(range(1, len(lines) + 1))
    keys = {"seq", "run_id", "run_seq", "ts", "kind", "step_id", "actor", "account", "via", "payload"}
    assert all(keys <= line.keys() and TIME.fullmatch(line["ts"]) for line in lines)
    assert [line["kind"] for line in lines][:2] == ["run_queued", "run_started"]
    assert lines[-1]["kind"] == "output_written"
    assert datetime.fromisoformat(lines[0]["ts"]) <= datetime.fromisoformat(lines[-1]["ts"])
    part = jobs("events", run["run_id"], "--after", "2", "--limit", "1", "--json").lines
    assert [line["run_seq"] for line in part] == [3]


def test_follow_goes_on_until_the_run_has_ended(jobs: Vasini) -> None:
    run = jobs.ok("run", "jobs/report", "--set", "title=x")
    following = jobs.start("events", run["run_id"], "--follow", "--json")
    first = json.loads(following.stdout.readline())
    assert first["kind"] == "run_queued"
    jobs.ok("worker", "--until-idle")
    rest, _ = following.communicate(timeout=PATIENCE)
    assert following.returncode == 0
    kinds = [json.loads(line)["kind"] for line in rest.splitlines()]
    assert "run_completed" in kinds


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "run_none"),
        ("events", "run_none"),
        ("cancel", "run_none"),
        ("pause", "run_none"),
        ("resume", "run_none"),
        ("retry", "run_none"),
        ("approve", "appr_none"),
        ("reject", "appr_none", "--comment", "no"),
        ("answer", "run_none", "--values", "{}"),
        ("run", "none/none"),
        ("run", "hello/none"),
        ("pack", "validate", "no-such-directory"),
    ],
)
def test_what_does_not_exist_ends_in_3(vasini: Vasini, arguments: tuple[str, ...]) -> None:
    outcome = vasini(*arguments, "--json")
    assert (outcome.status, outcome.error["code"]) == (3, "not_found")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("run",),
        ("run", "hello"),
        ("run", "hello/hello", "--set", "novalue"),
        ("reject", "appr_x"),
        ("runs", "--limit", "many"),
        ("show",),
    ],
)
def test_a_command_written_wrongly_ends_in_2(vasini: Vasini, arguments: tuple[str, ...]) -> None:
    outcome = vasini(*arguments, "--json")
    assert (outcome.status, outcome.error["code"]) == (2, "usage")


def test_people_get_text_and_a_status(jobs: Vasini) -> None:
    run = jobs.ok("run", "jobs/report", "--set", "title=x", "--wait")
    for command in (("runs",), ("show", run["run_id"]), ("events", run["run_id"]), ("packs",), ("doctor",)):
        outcome = jobs(*command)
        assert outcome.status == 0
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", outcome.out), command
    assert run["run_id"] in jobs("runs").stdout
