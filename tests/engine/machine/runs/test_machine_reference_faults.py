"""Faults of the reference documents that belong to the machine; each fails on what was written there."""

from __future__ import annotations

from engine.contracts.status import RunStatus
from engine.machine.events.run_facts import RunFailed
from engine.machine.events.step_facts import StepStarted
from engine.machine.model.state import Counters
from tests.engine.machine.flow_builders import approval, form, graph, subflow, tool
from tests.engine.machine.simulation import Simulation


def test_counters_survive_every_kind_of_pause() -> None:
    run = Simulation(graph(tool("a"), form("f"), approval("ok"), tool("b"), tool("c"))).start()
    run.finish("a").answer("f")
    assert run.state.counters == Counters(steps_executed=3, tool_calls=1)

    run.approve("ok").pause().finish("b")
    assert run.state.counters == Counters(steps_executed=4, tool_calls=2, autonomous_calls=1)

    run.resume().fail("c").retry().finish("c")
    assert run.state.counters == Counters(steps_executed=6, tool_calls=4, autonomous_calls=3)


def test_a_dead_letter_is_reachable_and_can_be_replayed() -> None:
    run = Simulation(graph(tool("a"), tool("b"))).start().finish("a")
    for _ in range(5):
        run.lose_worker()
    assert run.status() is RunStatus.DEAD_LETTER

    run.retry().finish("b")

    assert run.status() is RunStatus.COMPLETED


def test_the_missing_output_error_reaches_the_record() -> None:
    run = Simulation(graph(tool("a"))).start().finish("a", [])

    assert run.status() is RunStatus.FAILED
    assert run.state.error is not None
    assert run.state.error["code"] == "missing_run_output"
    assert run.last(RunFailed.kind).payload["error"] == run.state.error


def test_a_flow_goes_on_behind_a_subflow_that_ended() -> None:
    run = Simulation(graph(subflow("s"), tool("a"))).start().child_ended("s")

    assert run.finish("a").status() is RunStatus.COMPLETED


def test_the_first_of_two_decisions_wins() -> None:
    run = Simulation(graph(approval("ok"), tool("a"))).start()
    run.eager = False

    assert run.decide("ok", "REJECTED", "ana")
    assert not run.decide("ok", "APPROVED", "ben")
    run.catch_up()

    assert run.error_code == "approval_rejected"


def test_an_interrupted_run_goes_on_from_its_events() -> None:
    run = Simulation(graph(tool("a"), tool("b"))).start().finish("a").lose_worker()

    assert run.calls == {"b": 1}


def test_executions_never_share_an_id_however_fast_they_follow() -> None:
    run = Simulation(graph(tool("a", max_visits=3, on_success="a"))).start()

    run.finish("a").finish("a~2").finish("a~3")

    started = [event.step_id for event in run.events if isinstance(event.fact, StepStarted)]
    assert started == ["a", "a~2", "a~3"]
