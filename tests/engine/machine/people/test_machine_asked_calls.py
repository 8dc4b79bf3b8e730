"""A call that a policy, or the autonomy of its flow, wants approved asks for itself."""

from __future__ import annotations

from engine.contracts.status import CancelMode, OutcomeDecision, RunStatus, StepStatus
from engine.machine.events.step_facts import CallApproved, CallChanged
from tests.engine.machine.flow_builders import approval, for_each, graph, tool
from tests.engine.machine.simulation import Simulation


def asking(**fields: object) -> Simulation:
    return Simulation(graph(tool("a", **fields), tool("b"))).asking_first().start()


def test_nothing_is_called_before_it_is_approved() -> None:
    run = asking()

    assert run.calls == {}
    assert run.pending == ["a"]
    assert run.status() is RunStatus.PENDING_HUMAN
    assert run.execution("a").status is StepStatus.PENDING_HUMAN


def test_an_approved_call_begins_once_and_the_next_one_asks_again() -> None:
    run = asking().approve("a")

    assert run.calls == {"a": 1}
    assert run.execution("a").approved
    assert run.finish("a").pending == ["b"]
    assert run.approve("b").finish("b").status() is RunStatus.COMPLETED
    assert run.count(CallApproved.kind) == 2


def test_a_rejected_call_fails_its_step() -> None:
    run = asking().reject("a", "not now")

    assert run.error_code == "approval_rejected"
    assert run.calls == {}


def test_a_step_that_its_flow_has_asked_for_is_not_asked_again() -> None:
    run = Simulation(graph(approval("ok"), tool("a"))).asking_first().start().approve("ok")

    assert run.calls == {"a": 1}
    assert run.execution("a").approved


def test_an_interrupted_approved_call_is_not_made_again() -> None:
    run = asking().approve("a").lose_worker()

    assert run.calls == {}
    assert run.pending == ["a"]
    assert run.say("a", OutcomeDecision.RUN_AGAIN).calls == {"a": 1}


def test_a_call_that_would_do_something_else_when_it_is_made_asks_again() -> None:
    run = asking().approve("a").fail("a", "approval_void")

    assert run.pending == ["a~2"]
    assert run.calls == {}
    assert run.approve("a~2").calls == {"a~2": 1}


def test_a_call_that_is_changed_is_not_made_but_asks_again_also_when_the_run_is_held() -> None:
    edits = {"steps": [], "diff": "-one\n+two"}
    run = asking()
    assert run.decide("a", edits=edits)
    assert (run.pending, run.calls, run.count(CallChanged.kind)) == (["a"], {}, 1)
    assert run.pause().status() is RunStatus.PAUSED
    assert run.decide("a", edits=edits)
    assert (run.pending, run.calls) == ([], {})
    assert run.resume().pending == ["a"]
    assert run.approve("a").calls == {"a": 1}
    assert run.execution("a").attempt == 1


def test_a_retry_asks_anew() -> None:
    run = asking().approve("a").fail("a")

    assert run.retry().pending == ["a"]
    assert run.calls == {}
    assert run.approve("a").calls == {"a": 2}


def test_an_approval_given_while_the_run_is_paused_waits_for_the_resume() -> None:
    run = asking().pause().approve("a")
    assert run.calls == {}

    assert run.resume().calls == {"a": 1}


def test_a_cancelled_run_takes_the_question_back() -> None:
    run = asking().cancel(CancelMode.NOW)

    assert run.status() is RunStatus.CANCELLED
    assert run.pending == []


def test_every_item_asks_for_itself() -> None:
    run = Simulation(graph(for_each("e", [1, 2], tool("x")))).asking_first().start()

    assert run.pending == ["e/0/x", "e/1/x"]
    assert run.approve("e/1/x").calls == {"e/1/x": 1}
