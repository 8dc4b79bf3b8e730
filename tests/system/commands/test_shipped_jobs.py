"""The shipped packs at their real work, from the shell to the files they write."""

from __future__ import annotations

import json
import random
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.system.history import document

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system


def git(repo: Path, *arguments: str) -> None:
    settings = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *settings, *arguments], cwd=repo, check=True, capture_output=True)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with a tag and five commits after it."""
    place = tmp_path / "repo"
    place.mkdir()
    git(place, "init", "--quiet")
    git(place, "commit", "--allow-empty", "-m", "chore: begin")
    git(place, "tag", "v1")
    for subject in (
        "feat(cli): add a verb",
        "fix: lose no decision",
        "docs: tell about \x1b[31mred\x1b[0m",
        "speed up listing",
        "feat!: new journal",
    ):
        git(place, "commit", "--allow-empty", "-m", subject)
    return place


def approve(vasini: Vasini, run: dict[str, Any]) -> dict[str, Any]:
    """Approve what the run asks, work it to its end, and return its document."""
    (approval,) = vasini.ok("approvals", "--run", run["run_id"])["approvals"]
    vasini.ok("approve", approval["approval_id"], "--digest", approval["digest"])
    vasini.ok("worker", "--until-idle")
    return vasini.ok("show", run["run_id"])


def test_hello_from_a_shell(vasini: Vasini) -> None:
    started = vasini.execute("run", "hello/hello", "--set", "name=Bo", "--wait", "--json")
    assert started.status == 0
    run = started.document
    assert run["status"] == "PENDING_USER_INPUT"
    answered = vasini.execute("answer", run["run_id"], "--values", '{"style": "formal"}', "--json")
    assert answered.status == 0
    vasini.ok("worker", "--until-idle")
    (approval,) = vasini.ok("approvals")["approvals"]
    assert "Bo gets a formal greeting" in approval["message"]
    assert approval["action"]["params"] == {"name": "Bo", "style": "formal", "exclamation": True}
    vasini.ok("approve", approval["approval_id"])
    assert vasini.execute("worker", "--until-idle", "--json").status == 0
    shown = vasini.ok("show", run["run_id"])
    assert shown["run"]["output"]["greeting"] == "Good day, Bo!"
    assert [(step["step_id"], step["attempt"]) for step in shown["steps"]] == [
        ("ask", 1),
        ("confirm", 1),
        ("greet", 2),
    ]
    assert document(vasini.home, run["run_id"], "hello")["result"] == shown["run"]["output"]


def test_release_notes_are_written_after_approval(vasini: Vasini, repo: Path) -> None:
    run = vasini.ok(
        "run", "repo-steward/release-notes", "--wait",
        "--set", f"repo={repo}", "--set", "from_ref=v1", "--set", "out=notes/NOTES.md",
    )  # fmt: skip
    assert run["status"] == "PENDING_USER_INPUT"
    (form,) = vasini.ok("forms")["forms"]
    text = form["defaults"]["text"] + "\nWith thanks.\n"
    (vasini.cwd / "notes.json").write_text(json.dumps({"text": text}))
    vasini.ok("answer", run["run_id"], "--values", "@notes.json")
    vasini.ok("worker", "--until-idle")
    (approval,) = vasini.ok("approvals")["approvals"]
    assert "5 commits since v1" in approval["message"]
    assert approval["action"]["params"]["text"] == text
    shown = approve(vasini, run)
    assert shown["run"]["status"] == "COMPLETED"
    notes = (vasini.cwd / "notes" / "NOTES.md").read_text()
    assert notes == approval["action"]["params"]["text"]
    assert "**cli**: add a verb" in notes
    assert [line for line in notes.splitlines() if line.startswith("## ")] == [
        "## Breaking changes", "## Features", "## Fixes", "## Performance", "## Documentation",
        "## Contributors",
    ]  # fmt: skip
    assert "\x1b" not in notes
    assert "Release notes of 5 commits" in shown["run"]["output"]["summary"]


def test_notes_of_thousands_of_commits_are_written_whole(vasini: Vasini, repo: Path) -> None:
    commits = 2_500
    stream = "".join(
        f"commit refs/heads/main\ncommitter A <a@example.invalid> {1_700_000_000 + number} +0000\n"
        f"data {len(f'fix: number {number}')}\nfix: number {number}\n"
        for number in range(1, commits + 1)
    )
    begin = "reset refs/heads/main\nfrom v1^0\n"
    subprocess.run(
        ["git", "fast-import", "--quiet", "--force"], cwd=repo, input=(begin + stream).encode(), check=True
    )
    run = vasini.ok(
        "run", "repo-steward/release-notes", "--wait",
        "--set", f"repo={repo}", "--set", "from_ref=v1", "--set", "to_ref=main", "--set", "out=NOTES.md",
    )  # fmt: skip
    vasini.ok("answer", run["run_id"], "--values", "{}")
    vasini.ok("worker", "--until-idle")
    assert approve(vasini, run)["run"]["status"] == "COMPLETED"
    notes = (vasini.cwd / "NOTES.md").read_text()
    assert all(f"umber {number} (" in notes for number in range(1, commits + 1))


def test_rejected_release_notes_write_nothing(vasini: Vasini, repo: Path) -> None:
    run = vasini.ok(
        "run", "repo-steward/release-notes", "--wait",
        "--set", f"repo={repo}", "--set", "from_ref=v1", "--set", "out=notes/NOTES.md",
    )  # fmt: skip
    (form,) = vasini.ok("forms")["forms"]
    (vasini.cwd.parent / "notes.json").write_text(json.dumps(form["defaults"]))
    vasini.ok("answer", run["run_id"], "--values", f"@{vasini.cwd.parent / 'notes.json'}")
    vasini.ok("worker", "--until-idle")
    (approval,) = vasini.ok("approvals")["approvals"]
    vasini.ok("reject", approval["approval_id"], "--comment", "wrong tag")
    vasini.ok("worker", "--until-idle")
    shown = vasini.ok("show", run["run_id"])["run"]
    assert (shown["status"], shown["error"]["code"]) == ("FAILED", "approval_rejected")
    assert list(vasini.cwd.iterdir()) == []


def test_an_unknown_ref_fails_the_run_and_says_so(vasini: Vasini, repo: Path) -> None:
    outcome = vasini(
        "run", "repo-steward/release-notes", "--wait", "--json",
        "--set", f"repo={repo}", "--set", "from_ref=v99", "--set", "out=N.md",
    )  # fmt: skip
    assert outcome.status == 6
    assert "v99" in outcome.document["error"]["message"]


def test_a_secret_scan_finds_secrets_and_keeps_none_of_them(vasini: Vasini, repo: Path) -> None:
    noise = "".join(
        random.Random(5).choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=40)
    )
    secrets = {
        "aws-access-key": "AKIA" + noise[:16].upper(),
        "github-token": "ghp_" + noise[:36],
        "password-in-url": "Tr0ub4dor" + noise[:6],
        "password-assignment": "hunter2-" + noise[6:16],
        "private-key": noise + noise[::-1],
    }
    (repo / "src").mkdir()
    (repo / "src" / "app.py").write_text(f'KEY = "{secrets["aws-access-key"]}"\nx = 1\n')
    (repo / "deploy.sh").write_text(f"curl https://ana:{secrets['password-in-url']}@example.org\n")
    (repo / ".env").write_text(f"TOKEN={secrets['github-token']}\n")
    (repo / "config.ini").write_text(f'password = "{secrets["password-assignment"]}"\n')
    begin, end = (f"-----{word} RSA PRIVATE KEY-----" for word in ("BEGIN", "END"))
    (repo / "id_rsa").write_text(f"{begin}\n{secrets['private-key']}\n{end}\n")
    (repo / "readme.md").write_text("nothing here\n")
    report = vasini.cwd / "report.md"
    seen = []

    def performed(*arguments: str) -> Any:
        outcome = vasini(*arguments, "--json")
        seen.append(outcome.out + outcome.err)
        assert outcome.status == 0, outcome
        return outcome.document

    run = performed(
        "run", "repo-steward/secret-scan", "--wait", "--set", f"repo={repo}", "--set", f"out={report}"
    )
    assert run["status"] == "PENDING_USER_INPUT"
    (form,) = performed("forms", "--run", run["run_id"])["forms"]
    assert form["title"].startswith("5 findings: which rules, folders or files")
    performed("answer", run["run_id"], "--values", "{}")
    performed("worker", "--until-idle")
    (form,) = performed("forms", "--run", run["run_id"])["forms"]
    asked = form["schema"]["properties"]
    assert {field["title"].rsplit(" ", 1)[0] for field in asked.values()} == {
        "1 of 5 · .env:1", "2 of 5 · config.ini:1", "3 of 5 · deploy.sh:1", "4 of 5 · id_rsa:1",
        "5 of 5 · src/app.py:1",
    }  # fmt: skip
    verdicts = dict.fromkeys(asked, "real") | {min(asked): "false_positive"}
    (vasini.cwd / "verdicts.json").write_text(str(verdicts).replace("'", '"'))
    performed("answer", run["run_id"], "--values", "@verdicts.json")
    performed("worker", "--until-idle")
    shown = performed("show", run["run_id"])
    assert shown["run"]["status"] == "COMPLETED"
    seen.append(vasini("show", run["run_id"]).out)
    seen.append(vasini("events", run["run_id"], "--json").out)
    text = report.read_text()
    assert "Real secrets" in text
    assert "False positives" in text
    kept = [file.read_bytes() for file in vasini.home.rglob("*") if file.is_file()]
    for name, secret in secrets.items():
        assert not [where for where in (*seen, text.encode(), *kept) if secret.encode() in where], name


def test_an_incident_is_assessed_and_hostile_clients_are_listed(vasini: Vasini) -> None:
    chance = random.Random(3)
    lines = []
    for number in range(20_000):
        client = f"10.0.{number % 7}.{number % 200}"
        path, status = "/shop", 200
        if number % 100 == 0:
            client, path, status = "203.0.113.9", chance.choice(("/.env", "/wp-login.php")), 404
        moment = f"10/Oct/2023:13:{number // 400:02}:36 +0000"
        lines.append(f'{client} - - [{moment}] "GET {path} HTTP/1.1" {status} 512 "-" "agent"\n')
    log = vasini.cwd / "access.log"
    log.write_text("".join(lines) + "garbage \x1b]0;title\x07\n")
    run = vasini.ok(
        "run", "log-triage/incident", "--set", "log=access.log", "--set", "out_dir=triage", "--wait"
    )
    (form,) = vasini.ok("forms")["forms"]
    assert "20,000 requests" in form["description"]
    answer = '{"severity": "high", "note": "scanner from one address"}'
    vasini.ok("answer", run["run_id"], "--values", answer)
    vasini.ok("worker", "--until-idle")
    assert not (vasini.cwd / "triage").exists(), "nothing is written before the approval"
    shown = approve(vasini, run)
    assert shown["run"]["status"] == "COMPLETED"
    blocked = (vasini.cwd / "triage" / "blocklist.txt").read_text().splitlines()
    assert [line for line in blocked if not line.startswith("#")] == ["203.0.113.9"]
    report = (vasini.cwd / "triage" / "report.md").read_text()
    assert "scanner from one address" in report
    assert "high" in report


def test_nothing_to_block_asks_for_no_approval(vasini: Vasini) -> None:
    line = '192.168.1.9 - - [10/Oct/2023:13:00:36 +0000] "GET /{} HTTP/1.1" 404 512 "-" "agent"\n'
    (vasini.cwd / "access.log").write_text(line.format(".env") * 30)
    run = vasini.ok(
        "run", "log-triage/incident", "--set", "log=access.log", "--set", "out_dir=triage", "--wait"
    )
    (form,) = vasini.ok("forms")["forms"]
    assert "192.168.1.9 is not proposed (a private address" in form["description"]
    assert form["schema"]["properties"]["severity"]["default"] == "none"
    vasini.ok("answer", run["run_id"], "--values", "{}")
    vasini.ok("worker", "--until-idle")
    shown = vasini.ok("show", run["run_id"])["run"]
    assert shown["status"] == "COMPLETED"
    assert shown["output"]["files"] == [str(vasini.cwd / "triage" / "report.md")]
    assert [file.name for file in (vasini.cwd / "triage").iterdir()] == ["report.md"]


def test_a_file_that_is_no_access_log_stops_the_run(vasini: Vasini) -> None:
    (vasini.cwd / "error.log").write_text("2026/11/28 02:00:00 [error] 7#7: *1 connect() failed\n" * 5)
    outcome = vasini(
        "run", "log-triage/incident", "--set", "log=error.log", "--set", "out_dir=triage", "--wait", "--json"
    )
    assert outcome.status == 6
    assert "looks like an error log of nginx" in outcome.document["error"]["message"]
