"""`done` as a jump, and the approval a run goes to when nothing else helps."""

from __future__ import annotations

from typing import Any

import pytest

from engine.contracts.status import RequestKind, RunStatus, StepStatus
from engine.machine.escalation import MOST_VISITS
from engine.machine.events.step_facts import StepFailed
from engine.machine.model.graph import RunLimits
from tests.engine.machine.flow_builders import approval, graph, parallel, subflow, tool
from tests.engine.machine.simulation import Simulation

HELP = approval("help")


def test_done_ends_the_list_wherever_it_stands() -> None:
    run = Simulation(graph(tool("a", on_success="done"), tool("b"))).start().finish("a", "made")
    assert run.status() is RunStatus.COMPLETED
    assert run.state.output == "made"
    nested = graph(parallel("p", [tool("a", on_success="done"), tool("b")]), tool("c"))
    run = Simulation(nested).start().finish("p/0/a").finish("c")
    assert run.status() is RunStatus.COMPLETED


def test_a_failure_may_end_the_list_well() -> None:
    flow = graph(tool("a"), tool("b", on_failure="done"), tool("c"))
    run = Simulation(flow).start().finish("a", "made").fail("b")
    assert run.status() is RunStatus.COMPLETED


def test_a_failure_that_nothing_follows_asks_a_person() -> None:
    flow = graph(tool("a", on_success="done"), HELP, escalation="help", max_duration=60)
    run = Simulation(flow).start().fail("a")
    assert run.status() is RunStatus.PENDING_HUMAN
    assert run.execution("a").status is StepStatus.FAILED
    assert run.timers == {}
    run.approve("help")
    assert run.status() is RunStatus.COMPLETED
    assert run.state.output["decided_by"] == "ana"


def test_an_escalation_that_is_named_or_asked_again_outlasts_the_time_of_the_run() -> None:
    flow = graph(tool("a", on_failure="help"), HELP, escalation="help", max_duration=60)
    run = Simulation(flow).start().fail("a")
    assert (run.pending, run.timers) == (["help"], {})
    run.reject("help").retry()
    assert (run.pending, run.timers) == (["help"], {})


def test_a_failure_inside_a_branch_asks_a_person() -> None:
    flow = graph(parallel("p", [tool("a")], [tool("b")]), HELP, escalation="help")
    run = Simulation(flow).start().fail("p/0/a")
    assert run.status() is RunStatus.PENDING_HUMAN
    assert run.stopping == [("p/1/b", 1)]


def test_one_visit_too_many_asks_a_person() -> None:
    steps = [tool("a", max_visits=2), tool("b", on_failure="a", on_success="done"), HELP]
    run = Simulation(graph(*steps, escalation="help")).start()
    run.finish("a").fail("b").finish("a~2").fail("b~2")
    assert run.status() is RunStatus.PENDING_HUMAN
    assert run.last(StepFailed.kind).payload["error"]["code"] == "visit_limit"


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_the_person_decides_how_it_ends(decision: str) -> None:
    run = Simulation(graph(tool("a", on_success="done"), HELP, escalation="help")).start().fail("a")
    if decision == "approve":
        assert run.approve("help").status() is RunStatus.COMPLETED
    else:
        assert run.reject("help").status() is RunStatus.FAILED
        assert run.error_code == "approval_rejected"


def test_a_run_out_of_time_asks_a_person_and_stops_what_it_did() -> None:
    flow = graph(
        parallel("p", [tool("a")], [approval("ok")], [subflow("s")], on_success="done"),
        HELP,
        escalation="help",
        max_duration=60,
    )
    run = Simulation(flow).start()
    child = run.child_of("p/2/s")
    run.fire("max_duration")
    assert run.status() is RunStatus.PENDING_HUMAN
    assert run.last(StepFailed.kind).payload["error"]["code"] == "max_duration_exceeded"
    assert run.stopping == [("p/0/a", 1)]
    assert run.steered == [(child, "cancel_late")]
    assert len(run.pending) == 1
    assert run.asked_at("help") is RequestKind.APPROVAL


def test_a_run_out_of_time_while_it_waits_for_a_retry_asks_a_person() -> None:
    step = tool("a", retry={"max_attempts": 3, "backoff_seconds": 30}, on_success="done")
    run = Simulation(graph(step, HELP, escalation="help", max_duration=60)).start().fail("a")
    assert run.status() is RunStatus.RETRYING
    run.fire("max_duration")
    assert run.status() is RunStatus.PENDING_HUMAN
    assert run.timers == {}


def test_a_run_out_of_time_that_is_paused_between_steps_is_looked_at_once_a_minute_until_it_goes_on() -> None:
    flow = graph(tool("a"), tool("b", on_success="done"), HELP, escalation="help", max_duration=60)
    run = Simulation(flow).start().pause().finish("a")
    assert run.status() is RunStatus.PAUSED
    run.fire("max_duration")
    assert run.status() is RunStatus.PAUSED
    assert run.timers == {"max_duration": run.now + 60_000_000}
    run.resume().fire("max_duration")
    assert run.status() is RunStatus.PENDING_HUMAN
    assert run.timers == {}


def test_what_was_decided_is_not_asked_again() -> None:
    steps = [approval("ok"), tool("a", on_success="done"), HELP]
    run = Simulation(graph(*steps, escalation="help")).start().reject("ok")
    assert (run.status(), run.error_code) == (RunStatus.FAILED, "approval_rejected")


def test_fail_means_fail() -> None:
    flow = graph(tool("a", on_failure="fail"), HELP, escalation="help")
    assert Simulation(flow).start().fail("a").status() is RunStatus.FAILED


def test_a_used_up_ceiling_is_final() -> None:
    flow = graph(tool("a"), tool("b"), HELP, escalation="help", limits=RunLimits(max_steps=1))
    run = Simulation(flow).start().finish("a")
    assert (run.status(), run.error_code) == (RunStatus.FAILED, "step_limit_exceeded")


def test_a_cancelled_run_does_not_escalate() -> None:
    flow = graph(tool("a"), HELP, escalation="help")
    run = Simulation(flow).start().cancel().fail("a")
    assert run.status() is RunStatus.CANCELLED


def test_an_escalation_that_nobody_answers_is_the_end() -> None:
    flow = graph(tool("a", on_success="done"), approval("help", timeout=5), escalation="help")
    run = Simulation(flow).start().fail("a").fire("timeout:help")
    assert (run.status(), run.error_code) == (RunStatus.FAILED, "timeout")


def test_what_fails_after_the_end_is_certain_asks_nobody() -> None:
    last: dict[str, Any] = {"finally": [tool("last")]}
    flow = graph(tool("a", on_success="done"), HELP, escalation="help", **last)
    run = Simulation(flow).start().finish("a", 3).fail("finally/0/last")
    assert (run.status(), run.state.output) == (RunStatus.COMPLETED, 3)


@pytest.mark.parametrize(("fields", "visits"), [({}, MOST_VISITS), ({"max_visits": 3}, 3)])
def test_an_escalation_that_asks_nobody_is_not_gone_to_without_end(
    fields: dict[str, Any], visits: int
) -> None:
    flow = graph(approval("help", when=False, **fields), tool("a"), escalation="help")
    run = Simulation(flow).start()
    calls = 0
    while run.status() is RunStatus.RUNNING:
        (path,) = run.calls
        calls += 1
        assert calls <= MOST_VISITS
        run.fail(path)
    assert (run.status(), run.error_code, calls) == (RunStatus.FAILED, "backend_error", visits)
