"""Steps that run however a run ends; its own end and its cause are kept."""

from __future__ import annotations

from typing import Any

import pytest

from engine.contracts.status import CancelMode, RunStatus, StepStatus
from engine.machine.events.run_facts import RunEnding
from tests.engine.machine.flow_builders import StepData, approval, form, graph, parallel, tool
from tests.engine.machine.simulation import Simulation

LAST = "finally/0/last"


def run_of(*steps: StepData, last: StepData | None = None, **fields: Any) -> Simulation:
    more: dict[str, Any] = {"finally": [last or tool("last")], **fields}
    return Simulation(graph(*steps, **more)).start()


def ending(run: Simulation) -> tuple[str, str | None]:
    state = run.state.ending
    assert state is not None
    return state.outcome, state.error["code"] if state.error else None


def test_what_runs_in_any_case_runs_after_a_good_end_and_changes_no_output() -> None:
    run = run_of(tool("a"), tool("b")).finish("a", 1).finish("b", 2)
    assert ending(run) == ("completed", None)
    assert run.status() is RunStatus.RUNNING

    run.finish(LAST, {"other": 3})

    assert run.status() is RunStatus.COMPLETED
    assert run.state.output == 2


def test_a_failure_is_kept_with_its_cause() -> None:
    run = run_of(tool("a"), tool("b")).fail("a", "not_found")
    assert ending(run) == ("failed", "not_found")

    run.finish(LAST)

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "not_found"
    assert run.state.error is not None
    assert run.state.error["step_id"] == "a"


def test_a_rejection_is_an_outcome_of_its_own() -> None:
    run = run_of(approval("ask"), tool("a")).reject("ask")
    assert ending(run) == ("rejected", "approval_rejected")

    assert run.finish(LAST).error_code == "approval_rejected"


def test_a_run_without_an_output_is_failed_before() -> None:
    run = run_of(tool("a", when=False))
    assert ending(run) == ("failed", "missing_run_output")

    assert run.finish(LAST).error_code == "missing_run_output"


@pytest.mark.parametrize("mode", list(CancelMode))
def test_a_cancelled_run_ends_cancelled_after_it(mode: CancelMode) -> None:
    run = run_of(form("ask")).cancel(mode)
    assert ending(run) == ("cancelled", "cancelled")
    assert run.calls == {LAST: 1}

    run.finish(LAST)

    assert run.status() is RunStatus.CANCELLED


@pytest.mark.parametrize("mode", list(CancelMode))
def test_a_second_cancel_cuts_it_short(mode: CancelMode) -> None:
    run = run_of(form("ask"), last=form("last")).cancel()
    assert run.pending == [LAST]

    run.cancel(mode)

    assert run.status() is RunStatus.CANCELLED
    assert run.pending == []


def test_a_cancel_of_it_keeps_the_end_of_the_run() -> None:
    run = run_of(tool("a")).finish("a", 5).cancel(CancelMode.NOW).stopped()

    assert run.status() is RunStatus.COMPLETED
    assert run.state.output == 5


def test_a_paused_run_that_is_cancelled_does_it_at_once() -> None:
    run = run_of(form("ask")).pause().cancel()

    assert run.calls == {LAST: 1}


def test_a_pause_holds_it_up() -> None:
    run = run_of(tool("a")).pause().finish("a", 5)
    assert run.status() is RunStatus.PAUSED

    run.resume()
    assert run.calls == {LAST: 1}
    run.pause().finish(LAST).resume()

    assert run.status() is RunStatus.COMPLETED


def test_the_output_is_prepared_before_it_and_not_again() -> None:
    run = run_of(tool("a")).finish("a", 5)
    run.eager = False

    run.finish(LAST).prepare_next()

    assert run.status() is RunStatus.COMPLETED
    assert not run.preparations


def test_a_run_that_was_to_pause_is_paused_before_it_when_its_time_is_over() -> None:
    run = run_of(tool("a"), max_duration=60).pause()
    assert run.status() is RunStatus.RUNNING

    run.fire("max_duration")

    assert (run.status(), run.calls) == (RunStatus.PAUSED, {})
    assert run.stopped().resume().finish(LAST).error_code == "max_duration_exceeded"


def test_a_run_that_was_to_pause_is_paused_before_it_when_its_call_was_lost_too_often() -> None:
    run = run_of(tool("a")).pause()

    for _ in range(5):
        run.lose_worker()

    assert (run.status(), run.calls) == (RunStatus.PAUSED, {})
    assert run.resume().finish(LAST).status() is RunStatus.DEAD_LETTER


def test_its_failure_changes_neither_outcome_nor_cause() -> None:
    run = run_of(tool("a")).finish("a", 5).fail(LAST)
    assert run.status() is RunStatus.COMPLETED
    assert run.execution("finally").status is StepStatus.FAILED

    run = run_of(tool("a")).fail("a", "not_found").fail(LAST, "backend_error")
    assert run.error_code == "not_found"


def test_it_is_bounded_in_time() -> None:
    run = run_of(tool("a"), last=form("last")).finish("a", 5)
    assert "timeout:finally" in run.timers

    run.fire("timeout:finally")

    assert run.status() is RunStatus.COMPLETED
    assert run.pending == []
    assert run.timers == {}


def test_a_run_that_takes_too_long_does_it_too() -> None:
    run = run_of(form("ask"), max_duration=60)

    run.fire("max_duration")

    assert ending(run) == ("failed", "max_duration_exceeded")
    assert run.pending == []
    assert run.finish(LAST).error_code == "max_duration_exceeded"
    assert run.timers == {}


def test_an_escalation_comes_first_and_its_rejection_is_the_end() -> None:
    run = run_of(tool("a"), approval("help", gates="none"), escalation="help").fail("a")
    assert run.pending == ["help"]

    run.reject("help")

    assert ending(run)[0] == "rejected"


def test_it_goes_on_in_another_worker() -> None:
    run = run_of(tool("a")).fail("a")

    run.lose_worker()
    run.reload()
    run.finish(LAST)

    assert run.status() is RunStatus.FAILED


def test_a_dead_letter_does_it_and_stays_one() -> None:
    run = run_of(tool("a"))
    for _ in range(5):
        run.lose_worker()
    assert run.calls == {LAST: 1}

    run.finish(LAST)

    assert run.status() is RunStatus.DEAD_LETTER


def test_a_retry_goes_on_at_the_failed_step_and_it_runs_again_at_the_next_end() -> None:
    run = run_of(parallel("p", [tool("a")], [tool("b")]), tool("c"))
    run.finish("p/0/a", 1).fail("p/1/b").finish(LAST, {"other": 3})
    assert run.status() is RunStatus.FAILED

    run.retry()
    assert run.calls == {"p/1/b": 2}
    run.finish("p/1/b", 2).finish("c", 4)

    assert run.calls == {"finally~2/0/last": 1}
    run.finish("finally~2/0/last")
    assert run.state.output == 4
    assert run.count(RunEnding.kind) == 2


def test_a_run_that_has_not_begun_has_nothing_to_tidy_up() -> None:
    more: dict[str, Any] = {"finally": [tool("last")]}
    run = Simulation(graph(tool("a"), **more)).cancel()

    assert run.status() is RunStatus.CANCELLED
    assert run.calls == {}
