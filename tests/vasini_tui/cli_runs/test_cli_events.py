"""Commands that write the events of runs and what their calls wrote, also while they come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

import pytest

from engine.contracts.runs.run import OutputLine
from engine.contracts.status import (
    RunStatus,
)
from engine.contracts.times import rfc3339
from tests.fakes.views import NOW, a_run, a_step, an_event
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


def written(number: int, step_id: str = "build", stream: Literal["out", "err"] = "out") -> OutputLine:
    return OutputLine(ts=NOW, step_id=step_id, attempt=1, stream=stream, text=f"line {number}")


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 10**30])
@pytest.mark.parametrize("of", ["run-1", "--all"])
def test_a_number_that_no_event_can_have_is_told_as_too_large(
    vasini: Vasini, fake: FakeEngine, of: str, number: int
) -> None:
    fake.add(a_run())
    outcome = vasini("events", of, "--after", str(number), "--json")
    assert (outcome.status, outcome.error["code"]) == (ExitCode.INVALID_INPUT, "invalid_input")
    assert f"must be between 0 and {2**62}, not {number}" in outcome.error["message"]


def test_logs_write_every_line_of_a_run_or_of_a_step(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run())
    fake.stored_output = {"run-1": [written(1), written(2, "test", "err"), written(3)]}
    told = vasini("logs", "run-1").stdout.splitlines()
    assert [line.partition("Z  ")[2] for line in told] == [
        "build | line 1",
        "test ! line 2",
        "build | line 3",
    ]
    lines = [json.loads(line) for line in vasini("logs", "run-1", "build", "--json").stdout.splitlines()]
    assert [(line["text"], line["stream"]) for line in lines] == [("line 1", "out"), ("line 3", "out")]
    assert vasini("logs", "none").status == ExitCode.NOT_FOUND


def test_logs_of_a_step_that_is_not_there_are_not_found_and_of_a_silent_one_empty(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.add(a_run())
    fake.stored_steps["run-1"] = (a_step("build"),)
    outcome = vasini("logs", "run-1", "biuld")
    assert (outcome.status, outcome.stdout) == (ExitCode.NOT_FOUND, "")
    assert "no step biuld" in outcome.stderr
    assert vasini("logs", "run-1", "build").status == ExitCode.OK


def test_logs_follow_a_run_to_its_end(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run(status=RunStatus.COMPLETED))
    fake.stored_output = {"run-1": [written(1)]}
    assert "line 1" in vasini("logs", "run-1", "--follow").stdout


def test_events_are_one_line_each_without_gaps(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run())
    fake.stored_events["run-1"] = tuple(an_event(number, ts=NOW) for number in range(1, 1202))
    lines = [json.loads(line) for line in vasini("events", "run-1", "--json").stdout.splitlines()]
    assert [line["run_seq"] for line in lines] == list(range(1, 1202))
    named = {
        "seq",
        "run_id",
        "run_seq",
        "ts",
        "kind",
        "step_id",
        "actor",
        "account",
        "via",
        "trace_id",
        "payload",
    }
    assert lines[0].keys() == named
    assert lines[0]["ts"] == rfc3339(NOW)
    some = vasini("events", "run-1", "--json", "--after", "3", "--limit", "2").stdout.splitlines()
    assert [json.loads(line)["run_seq"] for line in some] == [4, 5]


def test_follow_writes_what_comes_and_ends_with_the_run(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run())
    fake.stored_events["run-1"] = (an_event(1, "run_started"),)

    def a_step() -> None:
        fake.stored_events["run-1"] += (an_event(2),)

    def the_end() -> None:
        fake.stored_events["run-1"] += (an_event(3), an_event(4, "run_completed"))
        fake.add(a_run(status=RunStatus.COMPLETED))

    def never() -> None:
        raise AssertionError("followed beyond the end of the run")

    fake.feed.script = [a_step, the_end, never]
    outcome = vasini("events", "run-1", "--follow", "--json")
    assert outcome.status == ExitCode.OK
    assert [json.loads(line)["run_seq"] for line in outcome.stdout.splitlines()] == [1, 2, 3, 4]


def test_follow_of_all_runs_ends_once_it_has_written_as_many_as_it_may(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.add(a_run("run-1"))
    fake.stored_events["run-1"] = (an_event(1), an_event(2))
    outcome = vasini("events", "--all", "--follow", "--limit", "1", "--json")
    assert (outcome.status, outcome.stdout.count("\n")) == (ExitCode.OK, 1)


def test_follow_of_a_run_that_has_ended_does_not_wait(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run(status=RunStatus.FAILED))
    fake.stored_events["run-1"] = (an_event(1, "run_failed"),)
    assert "run_failed" in vasini("events", "run-1", "--follow").stdout


def test_events_of_all_runs_stand_in_the_order_of_the_journal(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run("run-1"), a_run("run-2"))
    fake.stored_events = {
        "run-1": (an_event(1, "run_queued", "run-1", seq=1), an_event(2, "run_started", "run-1", seq=4)),
        "run-2": (an_event(1, "run_queued", "run-2", seq=3),),
    }
    told = [line.split()[:2] for line in vasini("events", "--all").stdout.splitlines()]
    assert told == [["1", "run-1"], ["3", "run-2"], ["4", "run-1"]]
    lines = vasini("events", "--all", "--after", "1", "--limit", "1", "--json").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [3]
    for words in ((), ("run-1", "--all")):
        assert vasini("events", *words).status == ExitCode.USAGE
