"""A call that awaits an answer parks its run; what is answered is what the call brought."""

from __future__ import annotations

import pytest

from engine.contracts.status import CancelMode, RequestStatus, RunStatus, StepStatus
from tests.engine.machine.flow_builders import graph, tool
from tests.engine.machine.simulation import Simulation


def awaiting(seconds: float | None = None) -> Simulation:
    return Simulation(graph(tool("a"), tool("b"))).start().awaits("a", seconds)


def test_the_run_waits_for_the_answer_and_goes_on_with_it() -> None:
    run = awaiting()
    assert (run.status(), run.pending, run.calls) == (RunStatus.PENDING_USER_INPUT, ["a"], {})
    run.answer("a", {"text": "yes"})
    assert run.execution("a").output["values"] == {"text": "yes"}
    assert run.calls == {"b": 1}


def test_a_worker_that_dies_meanwhile_makes_no_call_again() -> None:
    run = awaiting()
    run.lose_worker()
    assert run.calls == {}
    assert run.execution("a").recoveries == 0
    run.answer("a")
    assert run.calls == {"b": 1}


def test_a_question_that_expires_fails_the_call() -> None:
    run = awaiting(5.0)
    run.fire("timeout:a")
    assert (run.status(), run.error_code) == (RunStatus.FAILED, "timeout")
    assert [request.status for request in run.requests.values()] == [RequestStatus.EXPIRED]


@pytest.mark.parametrize("backoff", [0, 9])
def test_a_call_whose_question_expired_is_made_again_where_its_step_says_so(backoff: int) -> None:
    step = tool("a", retry={"max_attempts": 2, "backoff_seconds": backoff})
    run = Simulation(graph(step)).start().awaits("a", 5.0).fire("timeout:a")
    if backoff:
        assert run.status() is RunStatus.RETRYING
        run.fire("retry:a")

    assert (run.status(), run.calls) == (RunStatus.RUNNING, {"a": 2})
    assert run.finish("a", 7).state.output == 7


def test_a_cancel_withdraws_the_question_and_its_timer() -> None:
    run = awaiting(5.0).cancel(CancelMode.BOUNDARY)
    assert run.status() is RunStatus.CANCELLED
    assert [request.status for request in run.requests.values()] == [RequestStatus.WITHDRAWN]
    assert run.timers == {}


def test_a_call_that_would_ask_after_a_cancel_asks_nobody() -> None:
    run = Simulation(graph(tool("a"))).start().cancel(CancelMode.BOUNDARY)
    run.awaits("a")
    assert (run.status(), run.pending) == (RunStatus.CANCELLED, [])
    assert run.execution("a").status is StepStatus.CANCELLED


def test_an_answer_during_a_pause_counts_when_the_run_goes_on() -> None:
    run = awaiting().pause()
    assert run.status() is RunStatus.PAUSED
    run.answer("a")
    assert run.calls == {}
    run.resume()
    assert run.calls == {"b": 1}
