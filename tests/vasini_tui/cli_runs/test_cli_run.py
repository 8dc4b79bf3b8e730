from __future__ import annotations

import io
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.packs.pack import PackState, Problem
from engine.contracts.runs.listed import RunError, WaitingFor
from engine.contracts.status import RunStatus, WaitKind
from tests.fakes.views import a_flow, a_pack, a_run
from tests.recorded_names import recorded
from vasini_tui.exit_codes import ExitCode
from vasini_tui.identity import login_name

if TYPE_CHECKING:
    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


def type_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def payload_of(fake: FakeEngine) -> Any:
    """What the last run was started with."""
    return fake.asked("start")[-1][2]


def test_run_queues_and_tells_what_programs_rely_on(vasini: Vasini, fake: FakeEngine) -> None:
    fake.clock = datetime(2030, 1, 2, 3, 4, 5, 67, tzinfo=UTC)
    outcome = vasini("run", "hello/hello", "--json", "--input", '{"name": "x"}')
    assert outcome.status == ExitCode.OK
    wanted = {
        "run_id": "run-1",
        "status": "QUEUED",
        "pack": "hello",
        "pack_version": "1.0.0",
        "flow": "hello",
    }
    assert wanted.items() <= outcome.document.items()
    assert outcome.document["created_at"] == "2030-01-02T03:04:05.000067Z"
    assert fake.asked("start") == [("hello", "hello", {"name": "x"}, login_name(), None)]
    assert fake.asked("start_with") == [(None, Path.cwd())]
    assert fake.asked("work") == []


def test_run_passes_name_tenant_and_key_on(vasini: Vasini, fake: FakeEngine) -> None:
    vasini("run", "hello/hello", "--as", "ana", "--tenant", "acme", "--idempotency-key", "k1")
    assert fake.asked("for_") == [(recorded("ana"), "acme", False)]
    assert fake.asked("start_with") == [("k1", Path.cwd())]
    (run,) = fake.stored_runs.values()
    assert (run.requested_by, run.tenant) == (recorded("ana"), "acme")


def test_set_reaches_inside_and_overrides_the_input(vasini: Vasini, fake: FakeEngine) -> None:
    vasini(
        "run", "hello/hello", "--input", '{"a": 1, "o": {"x": 1}}',
        "--set", "a=2", "--set", "o.y=[1, null]", "--set", "t=plain = text", "--set", "n=NaN", "--set", "e=",
    )  # fmt: skip
    assert payload_of(fake) == {
        "a": 2,
        "o": {"x": 1, "y": [1, None]},
        "t": "plain = text",
        "n": "NaN",
        "e": "",
    }


FIELDS = {
    "ref": {"type": "string"},
    "count": {"type": "integer"},
    "either": {"type": ["string", "integer"]},
    "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    "named": {"$ref": "#/$defs/name"},
    "mode": {"enum": ["1", "2"]},
    "inner": {"type": "object", "properties": {"tag": {"type": "string"}}},
}
SCHEMA = {"type": "object", "properties": FIELDS, "$defs": {"name": {"type": "string"}}}


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("ref=1.10", "1.10"),
        ("ref=true", "true"),
        ('ref="2"', "2"),
        ("count=3", 3),
        ("count=three", "three"),
        ("either=3", 3),
        ("either=3.5", "3.5"),
        ("maybe=null", None),
        ("maybe=[1]", "[1]"),
        ("named=007", "007"),
        ("mode=1", "1"),
        ("unknown=1.10", 1.1),
    ],
)
def test_set_reads_a_text_as_the_input_of_the_flow_has_it(
    vasini: Vasini, fake: FakeEngine, assignment: str, value: object
) -> None:
    fake.stored_packs = (a_pack(a_flow(schema=SCHEMA)),)
    vasini("run", "hello/hello", "--set", assignment)
    assert payload_of(fake) == {assignment.partition("=")[0]: value}


def test_set_reads_a_field_inside_as_its_own_schema_has_it(vasini: Vasini, fake: FakeEngine) -> None:
    fake.stored_packs = (a_pack(a_flow(schema=SCHEMA)),)
    vasini("run", "hello/hello", "--set", "inner.tag=1.10", "--set", "inner.other=1.10")
    assert payload_of(fake) == {"inner": {"tag": "1.10", "other": 1.1}}


@pytest.mark.parametrize("command", [("run", "hello/hello"), ("pack", "trust", "hello")])
def test_a_stale_pack_says_on_stderr_that_its_files_are_not_what_is_used(
    vasini: Vasini, fake: FakeEngine, command: tuple[str, ...]
) -> None:
    problem = Problem(file="flows/hello.yaml", line=3, column=1, message="is no mapping")
    fake.stored_packs = (a_pack(state=PackState.STALE, label="1.2.0", problems=(problem,)),)
    outcome = vasini(*command)
    assert "the files of hello have 1 problem (flows/hello.yaml:3:1" in outcome.stderr
    assert "the last good version 1.2.0 is used" in outcome.stderr


def test_input_is_read_from_a_file_and_from_stdin(
    vasini: Vasini, fake: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "in.json"
    file.write_text('\ufeff{"from": "file"}', encoding="utf-8")
    vasini("run", "hello/hello", "--input", f"@{file}")
    assert payload_of(fake) == {"from": "file"}
    type_in(monkeypatch, b'{"from": "stdin"}')
    vasini("run", "hello/hello", "--input", "-")
    assert payload_of(fake) == {"from": "stdin"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1,}', "line 1, column"),
        ('{\n"a" 1}', "line 2, column 5"),
        ("", "line 1, column 1"),
        ("[1]", "must be a JSON object"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": 1e999}', "out of range"),
        ('{"a": 1, "a": 2}', "'a' stands there twice"),
        ('{"a": "\\ud800"}', "no valid text"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ("@/there/is/no/file", "cannot be read: No such file"),
        ("@a\0b", "cannot be read"),
    ],
)
def test_a_bad_input_is_refused_with_its_place(
    vasini: Vasini, fake: FakeEngine, text: str, words: str
) -> None:
    outcome = vasini("run", "hello/hello", "--json", "--input", text)
    assert outcome.status == ExitCode.INVALID_INPUT
    assert outcome.error["code"] == "invalid_input"
    assert words in outcome.error["message"]
    assert outcome.stderr.count("\n") == 1
    assert fake.asked("start") == []


def test_bytes_that_are_no_text_are_refused(
    vasini: Vasini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "in.json"
    file.write_bytes(b'{"a": "\xff"}')
    assert "not UTF-8 text (byte 7)" in vasini("run", "a/b", "--json", "--input", f"@{file}").error["message"]
    type_in(monkeypatch, b"\x80")
    assert vasini("run", "a/b", "--input", "-").status == ExitCode.INVALID_INPUT


def test_an_endless_input_is_too_large(vasini: Vasini, tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    with file.open("wb") as stream:
        stream.truncate(40 * 1024 * 1024)
    outcome = vasini("run", "a/b", "--json", "--input", f"@{file}")
    assert outcome.status == ExitCode.INVALID_INPUT
    assert outcome.error["code"] == "payload_too_large"


def test_a_set_through_a_plain_value_is_refused(vasini: Vasini) -> None:
    outcome = vasini("run", "a/b", "--set", "x=1", "--set", "x.y=2")
    assert outcome.status == ExitCode.INVALID_INPUT
    assert "x already has a value" in outcome.stderr


@pytest.mark.parametrize(
    "arguments", [("hello",), ("a/b/c",), ("/b",), ("a/b", "--set", "x"), ("a/b", "--set", "=1")]
)
def test_what_cannot_be_meant_is_a_usage_error(vasini: Vasini, arguments: tuple[str, ...]) -> None:
    outcome = vasini("run", *arguments, "--json")
    assert outcome.status == ExitCode.USAGE
    assert outcome.error["code"] == "usage"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (RunStatus.COMPLETED, ExitCode.OK),
        (RunStatus.PENDING_HUMAN, ExitCode.OK),
        (RunStatus.PENDING_USER_INPUT, ExitCode.OK),
        (RunStatus.PAUSED, ExitCode.OK),
        (RunStatus.FAILED, ExitCode.RUN_FAILED),
        (RunStatus.CANCELLED, ExitCode.RUN_FAILED),
        (RunStatus.DEAD_LETTER, ExitCode.RUN_FAILED),
    ],
)
def test_wait_works_the_run_here_and_ends_as_the_run_did(
    vasini: Vasini, fake: FakeEngine, status: RunStatus, expected: ExitCode
) -> None:
    fake.runs.rests_as = a_run(status=status)
    outcome = vasini("run", "hello/hello", "--wait", "--json")
    assert outcome.status == expected
    assert outcome.document["status"] == status
    assert fake.asked("work") == [64]


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        (WaitKind.FORM, "form: vasini answer {run} --values JSON"),
        (WaitKind.APPROVAL, "approval: vasini approval wanted"),
        (WaitKind.OUTCOME, "outcome: vasini outcomes"),
        (WaitKind.WORKER, "a worker: vasini worker, or an open console"),
        (WaitKind.RESUME, "resume: vasini resume {run}"),
        (WaitKind.RETRY, "retry"),
    ],
)
def test_a_run_that_waits_for_somebody_names_the_command_that_leads_on(
    vasini: Vasini, fake: FakeEngine, kind: WaitKind, command: str
) -> None:
    fake.runs.rests_as = a_run(status=RunStatus.WAITING, waiting_for=WaitingFor(kind=kind, id="wanted"))
    first, last = vasini("run", "hello/hello", "--wait").stdout.splitlines()
    assert last == f"waits for {command.format(run=first.split()[0])}"


def test_a_failed_run_tells_a_person_why(vasini: Vasini, fake: FakeEngine) -> None:
    fake.runs.rests_as = a_run(
        status=RunStatus.FAILED, error=RunError(code="timeout", message="took\x1b[2J too long")
    )
    outcome = vasini("run", "hello/hello", "--wait")
    assert "timeout" in outcome.stderr
    assert "\x1b" not in outcome.stderr


@pytest.mark.parametrize(
    ("number", "expected"),
    [(signal.SIGTERM, ExitCode.TERMINATED), (signal.SIGINT, ExitCode.INTERRUPTED)],
)
def test_a_signal_while_waiting_leaves_the_run_to_others(
    vasini: Vasini, fake: FakeEngine, number: signal.Signals, expected: ExitCode
) -> None:
    fake.runs.never_rests = lambda: os.kill(os.getpid(), number)
    outcome = vasini("run", "hello/hello", "--wait", "--json")
    assert outcome.status == expected
    assert outcome.document["status"] == "QUEUED"
    told = vasini("run", "hello/hello", "--wait").stdout
    assert told.endswith("any worker goes on with it: vasini worker, or an open console\n")


def test_rerun_starts_the_same_flow_with_changes(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run("run-0", input={"name": "Bo", "n": 1}))
    outcome = vasini("rerun", "run-0", "--set", "n=2", "--json")
    assert outcome.status == ExitCode.OK
    assert outcome.document["input"] == {"name": "Bo", "n": 2}
    assert outcome.document["run_id"] != "run-0"
    assert vasini("rerun", "none").status == ExitCode.NOT_FOUND
