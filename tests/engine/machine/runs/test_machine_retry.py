from __future__ import annotations

import pytest

from engine.contracts.status import RunStatus, StepStatus
from engine.errors import InvalidTransition
from engine.machine.events.event import Event
from engine.machine.events.fold import fold
from engine.machine.events.run_facts import RunRefused, RunRetried
from engine.machine.events.step_facts import StepFailed
from engine.machine.model.inputs import Retry
from engine.machine.table import transition
from tests.engine.machine.flow_builders import approval, for_each, form, graph, parallel, tool
from tests.engine.machine.simulation import Simulation


def test_the_failed_step_runs_again_and_its_attempts_count_on() -> None:
    run = Simulation(graph(tool("a"), tool("b"))).start().finish("a").fail("b")

    run.retry()

    assert run.calls == {"b": 2}
    assert run.execution("a").attempt == 1
    assert run.status() is RunStatus.RUNNING
    assert run.state.error is None
    assert run.finish("b").status() is RunStatus.COMPLETED


def test_a_retry_brings_a_fresh_budget() -> None:
    run = Simulation(graph(tool("a", retry={"max_attempts": 2}))).start().fail("a").fail("a")
    assert run.status() is RunStatus.FAILED

    run.retry().fail("a")
    assert run.calls == {"a": 4}
    run.fail("a")

    assert run.status() is RunStatus.FAILED
    assert run.state.retries == 1
    assert run.state.counters.tool_calls == 4


def test_a_dead_letter_can_be_replayed() -> None:
    run = Simulation(graph(tool("a"))).start()
    for _ in range(5):
        run.lose_worker()
    assert run.status() is RunStatus.DEAD_LETTER

    run.retry()

    assert run.calls == {"a": 2}
    assert run.execution("a").recoveries == 0
    assert run.finish("a").status() is RunStatus.COMPLETED


def test_a_loop_goes_on_with_the_items_that_are_not_done() -> None:
    run = Simulation(graph(for_each("e", ["p", "q", "r"], tool("x"), max_concurrent=2))).start()
    run.finish("e/0/x", "kept").fail("e/1/x")
    run.stopping.clear()

    run.retry()

    assert run.calls == {"e/1/x": 2, "e/2/x": 2}
    run.finish("e/2/x", "second").finish("e/1/x", "first")
    assert run.state.output == ["kept", "first", "second"]


def test_a_branch_goes_on_at_its_failed_step_and_cancelled_siblings_at_theirs() -> None:
    flow = graph(parallel("p", [tool("a"), tool("b")], [tool("c"), approval("ok")], [form("f")]))
    run = Simulation(flow).start().finish("p/0/a").finish("p/1/c").fail("p/0/b")
    assert run.pending == []

    run.retry()

    assert run.calls == {"p/0/b": 2}
    assert run.pending == ["p/1/ok", "p/2/f"]
    assert run.execution("p/1/ok").attempt == 2
    assert run.execution("p/0/a").attempt == 1


def test_reopened_branches_of_any_still_run_no_more_at_once_than_allowed() -> None:
    flow = graph(parallel("p", [tool("a")], [tool("b")], [tool("c")], join="any", max_concurrent=1))
    run = Simulation(flow).start().fail("p/0/a").fail("p/1/b").fail("p/2/c")
    assert run.status() is RunStatus.FAILED

    run.retry()
    assert run.calls == {"p/0/a": 2}

    run.fail("p/0/a")
    assert run.calls == {"p/1/b": 2}
    assert run.finish("p/1/b").status() is RunStatus.COMPLETED


def test_a_reopened_composite_step_is_watched_again() -> None:
    flow = graph(parallel("p", [for_each("e", [1], tool("x"), timeout=7)], timeout=9))
    run = Simulation(flow).start().fire("timeout:p")
    run.stopping.clear()
    assert run.timers == {}

    run.retry()

    assert run.timers.keys() == {"timeout:p", "timeout:p/0/e"}
    run.stopping.clear()
    assert run.fire("timeout:p/0/e").error_code == "timeout"


def test_a_run_that_took_too_long_gets_its_time_again() -> None:
    run = Simulation(graph(tool("a"), approval("ok"), max_duration=60)).start().finish("a")
    run.fire("max_duration")
    assert run.pending == []

    run.retry()

    assert run.pending == ["ok"]
    assert run.timers["max_duration"] == run.last(RunRetried.kind).ts + 60_000_000


def test_a_run_that_took_too_long_between_two_steps_goes_on_there() -> None:
    run = Simulation(graph(tool("a"), tool("b"), max_duration=60)).start().pause().finish("a")
    run.fire("max_duration")

    run.retry()

    assert run.calls == {"b": 1}
    assert not run.state.paused


def test_a_rejected_approval_is_asked_again() -> None:
    run = Simulation(graph(approval("ok"), tool("a"))).start().reject("ok")

    run.retry()

    assert run.pending == ["ok"]
    assert run.execution("ok").decision is None
    assert run.approve("ok").calls == {"a": 1}
    assert len(run.requests) == 2


def test_a_step_that_could_not_be_rendered_is_rendered_again() -> None:
    run = Simulation(graph(tool("a", when="broken"))).start().retry()

    assert run.status() is RunStatus.FAILED
    assert run.count(StepFailed.kind) == 2


def test_a_missing_output_is_asked_for_again() -> None:
    run = Simulation(graph(tool("a"))).start().finish("a", {})
    assert run.error_code == "missing_run_output"

    assert run.retry().error_code == "missing_run_output"


def test_a_retried_run_writes_its_document_again() -> None:
    run = Simulation(graph(tool("a"))).start().fail("a").document()
    assert run.state.documented

    run.retry()

    assert not run.state.documented


def test_the_same_step_can_be_retried_any_number_of_times() -> None:
    run = Simulation(graph(tool("a"))).start().fail("a")

    for attempt in range(2, 6):
        assert run.retry().calls == {"a": attempt}
        run.fail("a")

    assert run.state.retries == 4


def test_a_cancelled_run_cannot_be_retried() -> None:
    run = Simulation(graph(form("f"))).start().cancel()

    with pytest.raises(InvalidTransition, match="CANCELLED takes no retry"):
        run.retry()


def test_a_retried_run_can_be_paused_and_cancelled() -> None:
    run = Simulation(graph(tool("a"), tool("b"))).start().pause().fail("a").retry()
    assert not run.state.pause_requested

    run.pause().finish("a")
    assert run.status() is RunStatus.PAUSED
    assert run.cancel().status() is RunStatus.CANCELLED


def test_a_refused_run_cannot_be_retried() -> None:
    refused = fold([Event(RunRefused({"code": "policy_denied"}), 1, "ana")])

    with pytest.raises(InvalidTransition, match="start a new one"):
        transition(graph(tool("a")), refused, Retry(now=2))


def test_a_reopened_step_may_be_skipped_this_time() -> None:
    run = Simulation(graph(tool("a"), tool("b"))).start().fail("a")
    run.graph = graph(tool("a", when=False), tool("b"))

    run.retry()

    assert run.execution("a").status is StepStatus.SKIPPED
    assert run.calls == {"b": 1}
