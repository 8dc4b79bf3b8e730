"""A call that was interrupted and must not be made twice: a person says what became of it."""

from __future__ import annotations

import pytest

from engine.contracts.status import CancelMode, OutcomeDecision, RequestStatus, RunStatus, StepStatus
from engine.machine.events.request_facts import OutcomeUnknown, PendingHuman
from engine.machine.events.step_facts import StepPutBack, StepRecovered
from tests.engine.machine.flow_builders import approval, graph, tool
from tests.engine.machine.simulation import Simulation


def interrupted(*, lost: bool = True, **fields: object) -> Simulation:
    """A gated step whose worker was lost in the middle of it."""
    flow = graph(approval("ok"), tool("a", **fields), tool("b"))
    return Simulation(flow).start().approve("ok").lose_worker(lost=lost)


@pytest.mark.parametrize("lost", [True, False])
def test_an_interrupted_gated_call_is_not_made_again(lost: bool) -> None:
    run = interrupted(lost=lost)

    assert run.calls == {}
    assert run.pending == ["a"]
    assert run.status() is RunStatus.PENDING_HUMAN
    assert run.execution("a").status is StepStatus.PENDING_HUMAN
    payload = run.last(OutcomeUnknown.kind).payload
    assert payload["gated"] is True
    assert payload["target"] == "fake.do"
    assert payload.get("lost", False) is lost
    assert run.lose_worker().calls == {}, "another worker does not begin it either"


def test_it_is_made_again_when_a_person_says_so() -> None:
    run = interrupted().say("a", OutcomeDecision.RUN_AGAIN)

    assert run.calls == {"a": 1}
    assert run.finish("a").calls == {"b": 1}
    assert run.count(StepRecovered.kind) == 1
    assert run.count(PendingHuman.kind) == 1, "a person has just said so"


def test_what_a_person_says_that_it_brought_is_its_output() -> None:
    run = interrupted().say("a", OutcomeDecision.DONE, {"sent": 1})

    assert run.calls == {"b": 1}
    assert run.execution("a").output == {"sent": 1}
    assert run.finish("b", {}).state.output == {"sent": 1}


def test_a_person_can_end_it_as_failed() -> None:
    run = interrupted(on_failure="b").say("a", OutcomeDecision.FAIL)

    assert run.execution("a").status is StepStatus.FAILED
    assert run.execution("a").error == {
        "code": "outcome_unknown",
        "message": "the call was interrupted, ana ended the step",
        "details": {},
    }
    assert run.calls == {"b": 1}


def test_a_retry_after_it_asks_for_the_approval_anew() -> None:
    run = interrupted().say("a", OutcomeDecision.FAIL)
    assert run.status() is RunStatus.FAILED

    run.retry()

    assert run.calls == {}
    assert run.pending == ["ok~2"]


def test_it_can_be_interrupted_again_and_again() -> None:
    run = interrupted()
    for _ in range(6):
        run.say("a", OutcomeDecision.RUN_AGAIN).lose_worker()

    assert run.pending == ["a"]
    assert run.state.phase.value == "ACTIVE", "each time a person said so: no dead letter"


def test_a_pause_that_waited_for_it_holds_once_it_is_interrupted() -> None:
    run = Simulation(graph(approval("ok"), tool("a"), tool("b"))).start().approve("ok").pause()
    assert run.status() is RunStatus.RUNNING

    run.lose_worker()

    assert run.status() is RunStatus.PAUSED
    assert run.pending == ["a"]


def test_in_a_paused_run_it_waits_for_the_resume() -> None:
    run = interrupted().pause()
    run.say("a", OutcomeDecision.RUN_AGAIN)
    assert run.calls == {}

    run.resume()

    assert run.calls == {"a": 1}


def test_a_cancelled_run_takes_the_question_back() -> None:
    run = interrupted().cancel(CancelMode.NOW)

    assert run.status() is RunStatus.CANCELLED
    assert run.pending == []
    assert RequestStatus.WITHDRAWN in {request.status for request in run.requests.values()}


def test_a_tool_that_is_idempotent_goes_on_by_itself() -> None:
    run = Simulation(graph(approval("ok"), tool("a"))).idempotent().start().approve("ok").lose_worker()

    assert run.calls == {"a": 1}
    assert run.pending == []


@pytest.mark.parametrize(
    ("outside", "on_lost", "asks"),
    [
        (False, None, False),
        (True, None, True),
        (False, "ask", True),
        (True, "rerun", False),
        (True, "ask", True),
    ],
)
def test_an_ungated_call_is_made_again_unless_it_acts_outside_or_its_author_says_so(
    outside: bool, on_lost: str | None, asks: bool
) -> None:
    run = Simulation(graph(tool("a", on_lost=on_lost))).acting(outside=outside).start().lose_worker()

    assert run.pending == (["a"] if asks else [])
    assert run.calls == ({} if asks else {"a": 1})


def test_a_gated_call_that_had_not_begun_goes_on_by_itself() -> None:
    run = Simulation(graph(approval("ok"), tool("a"))).start().approve("ok")

    run.lose_worker(lost=False, begun=False)

    assert run.calls == {"a": 1}
    assert run.pending == []
    assert run.lose_worker().pending == ["a"], "this time it had"


def test_what_was_put_back_before_it_began_goes_on_by_itself_once() -> None:
    run = Simulation(graph(approval("ok"), tool("a"))).start().approve("ok").put_back().put_back()
    assert run.count(StepPutBack.kind) == 1

    run.lose_worker(lost=False)

    assert run.calls == {"a": 1}
    assert run.count(OutcomeUnknown.kind) == 0
    assert run.lose_worker(lost=False).pending == ["a"], "the worker that went on had begun it"


def test_what_was_put_back_is_cancelled_with_its_run() -> None:
    run = Simulation(graph(approval("ok"), tool("a"))).start().approve("ok")

    assert run.cancel(CancelMode.NOW).put_back().status() is RunStatus.CANCELLED
