from __future__ import annotations

import pytest

from engine.contracts.status import CancelMode, RequestStatus, RunStatus, StepStatus
from engine.machine.events.run_facts import RunCancelled, RunFailed, RunStarted
from engine.machine.model.inputs import Cancel
from engine.machine.table import transition
from tests.engine.machine.flow_builders import approval, for_each, form, graph, parallel, subflow, tool
from tests.engine.machine.simulation import Simulation

BOTH = pytest.mark.parametrize("mode", CancelMode)


@BOTH
def test_a_queued_run_is_cancelled_at_once(mode: CancelMode) -> None:
    run = Simulation(graph(tool("a"))).cancel(mode)

    assert run.status() is RunStatus.CANCELLED
    assert run.error_code == "cancelled"
    assert run.count(RunStarted.kind) == 0


def test_at_the_boundary_the_step_ends_first() -> None:
    run = Simulation(graph(tool("a"), tool("b"))).start().cancel()
    assert run.status() is RunStatus.RUNNING
    assert run.stopping == []

    run.finish("a")

    assert run.status() is RunStatus.CANCELLED
    assert run.execution("a").status is StepStatus.COMPLETED
    assert run.calls == {}


def test_now_stops_the_call_and_ends_when_it_has_stopped() -> None:
    run = Simulation(graph(tool("a"))).start().cancel(CancelMode.NOW)
    assert run.stopping == [("a", 1)]
    assert run.status() is RunStatus.RUNNING

    run.stopped()

    assert run.status() is RunStatus.CANCELLED
    assert run.execution("a").status is StepStatus.CANCELLED


def test_boundary_can_become_now() -> None:
    run = Simulation(graph(tool("a"))).start().cancel().cancel(CancelMode.NOW)

    assert run.stopping == [("a", 1)]
    assert run.stopped().status() is RunStatus.CANCELLED


def test_now_does_not_become_boundary() -> None:
    run = Simulation(graph(tool("a"))).start().cancel(CancelMode.NOW)

    done = transition(run.graph, run.state, Cancel(now=run.now, mode=CancelMode.BOUNDARY))

    assert done.events == []


@BOTH
def test_a_second_cancel_changes_nothing(mode: CancelMode) -> None:
    under_way = Simulation(graph(tool("a"))).start().cancel(mode)
    ended = Simulation(graph(form("f"))).start().cancel(mode)

    for run in (under_way, ended):
        assert transition(run.graph, run.state, Cancel(now=run.now, mode=mode)).events == []


@BOTH
def test_a_parked_run_is_cancelled_and_its_requests_withdrawn(mode: CancelMode) -> None:
    run = Simulation(graph(parallel("p", [approval("ok", timeout=9)], [form("f")]))).start().cancel(mode)

    assert run.status() is RunStatus.CANCELLED
    assert {request.status for request in run.requests.values()} == {RequestStatus.WITHDRAWN}
    assert run.timers == {}


@BOTH
def test_a_paused_run_can_be_cancelled(mode: CancelMode) -> None:
    run = Simulation(graph(tool("a"), tool("b"))).start().pause().finish("a").cancel(mode)

    assert run.status() is RunStatus.CANCELLED
    assert not run.state.paused


@BOTH
def test_a_waiting_retry_is_cancelled_with_its_timer(mode: CancelMode) -> None:
    retry = {"max_attempts": 2, "backoff_seconds": 5}
    run = Simulation(graph(tool("a", retry=retry))).start().fail("a").cancel(mode)

    assert run.status() is RunStatus.CANCELLED
    assert run.timers == {}


def test_no_new_attempt_after_a_cancel() -> None:
    run = Simulation(graph(tool("a", retry={"max_attempts": 3}))).start().cancel().fail("a")

    assert run.status() is RunStatus.CANCELLED
    assert run.calls == {}


def test_a_step_that_fails_at_the_boundary_keeps_its_error_and_the_run_is_cancelled_once() -> None:
    run = Simulation(graph(tool("a"))).start().cancel().fail("a", "not_found")

    assert run.status() is RunStatus.CANCELLED
    assert run.count(RunCancelled.kind) == 1
    assert run.count(RunFailed.kind) == 0
    error = run.execution("a").error
    assert error is not None
    assert error["code"] == "not_found"


def test_a_tool_that_fails_while_it_is_stopped_counts_as_cancelled() -> None:
    run = Simulation(graph(tool("a"))).start().cancel(CancelMode.NOW)
    path, attempt = run.stopping.pop()
    run.calls[path] = attempt

    run.fail("a")

    assert run.execution("a").status is StepStatus.CANCELLED
    assert run.status() is RunStatus.CANCELLED


def test_at_the_boundary_waiting_branches_end_at_once_and_running_ones_finish() -> None:
    flow = graph(parallel("p", [tool("a"), tool("b")], [approval("ok")], [subflow("s")]))
    run = Simulation(flow).start()
    child = run.child_of("p/2/s")

    run.cancel()
    assert run.pending == []
    assert run.steered == [(child, "cancel")]
    assert run.calls == {"p/0/a": 1}

    run.finish("p/0/a").child_ended("p/2/s", RunStatus.CANCELLED)
    assert run.status() is RunStatus.CANCELLED
    assert run.execution("p").status is StepStatus.CANCELLED


def test_now_stops_every_item_of_a_loop() -> None:
    run = Simulation(graph(for_each("e", [1, 2, 3], tool("x"), max_concurrent=2))).start()

    run.cancel(CancelMode.NOW)
    assert run.stopping == [("e/0/x", 1), ("e/1/x", 1)]

    assert run.stopped().status() is RunStatus.CANCELLED
    assert "e/2/x" not in {event.step_id for event in run.events}


def test_at_the_boundary_no_further_item_starts() -> None:
    run = Simulation(graph(for_each("e", [1, 2, 3], tool("x"), max_concurrent=2))).start().cancel()

    run.finish("e/0/x")
    assert run.status() is RunStatus.RUNNING
    run.finish("e/1/x")

    assert run.status() is RunStatus.CANCELLED
    assert run.state.counters.steps_executed == 3


@BOTH
def test_a_call_whose_worker_died_is_not_repeated_after_a_cancel(mode: CancelMode) -> None:
    run = Simulation(graph(tool("a"))).start().cancel(mode).lose_worker()

    assert run.status() is RunStatus.CANCELLED
    assert run.calls == {}


def test_a_decision_that_crosses_the_cancel_changes_nothing() -> None:
    run = Simulation(graph(approval("ok"), tool("a"))).start()
    run.eager = False
    run.cancel()
    run.approve("ok")

    run.catch_up()

    assert run.status() is RunStatus.CANCELLED
    assert run.calls == {}
    assert run.request_status("appr_1") is RequestStatus.APPROVED


def test_a_cancel_between_two_steps_ends_the_run() -> None:
    run = Simulation(graph(tool("a"), tool("b")), eager=False).start()
    run.prepare_next()
    run.finish("a")

    run.cancel().deliver()
    assert run.status() is RunStatus.CANCELLED

    assert run.catch_up().calls == {}
    assert "b" not in {event.step_id for event in run.events}
