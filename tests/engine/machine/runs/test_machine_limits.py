"""Time, step and call ceilings of a run, and its output."""

from __future__ import annotations

from engine.contracts.status import RunStatus, StepStatus
from engine.machine.events.run_facts import RunFailed
from engine.machine.model.graph import RunLimits
from engine.machine.transition_builder import failure
from tests.engine.machine.flow_builders import approval, form, graph, parallel, subflow, tool
from tests.engine.machine.simulation import Simulation


def test_a_run_that_takes_too_long_fails_and_stops_everything() -> None:
    flow = graph(parallel("p", [tool("a")], [approval("ok")], [subflow("s")]), max_duration=60)
    run = Simulation(flow).start()
    child = run.child_of("p/2/s")

    run.fire("max_duration")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "max_duration_exceeded"
    assert run.stopping == [("p/0/a", 1)]
    assert run.steered == [(child, "cancel_late")]
    assert run.pending == []
    assert run.execution("p").status is StepStatus.CANCELLED


def test_a_run_that_ends_in_time_forgets_the_timer() -> None:
    for run in (
        Simulation(graph(tool("a"), max_duration=60)).start().finish("a"),
        Simulation(graph(tool("a"), max_duration=60)).start().fail("a"),
        Simulation(graph(form("f"), max_duration=60)).start().cancel(),
    ):
        assert run.timers == {}


def test_no_step_starts_over_the_limit_of_steps() -> None:
    flow = graph(tool("a"), form("f"), tool("b"), limits=RunLimits(max_steps=2))
    run = Simulation(flow).start().finish("a").answer("f")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "step_limit_exceeded"
    assert run.state.counters.steps_executed == 2
    assert run.execution("b").status is StepStatus.FAILED


def test_a_run_may_use_exactly_its_limit_of_steps() -> None:
    flow = graph(tool("a"), tool("s", when=False), tool("b"), limits=RunLimits(max_steps=2))

    assert Simulation(flow).start().finish("a").finish("b").status() is RunStatus.COMPLETED


def test_no_tool_is_called_over_the_limit_of_calls() -> None:
    flow = graph(tool("a"), tool("b"), limits=RunLimits(max_tool_calls=1))
    run = Simulation(flow).start().finish("a")

    assert run.error_code == "step_limit_exceeded"
    assert run.calls == {}


def test_people_may_still_be_asked_when_the_tool_calls_are_used_up() -> None:
    flow = graph(tool("a"), form("f"), limits=RunLimits(max_tool_calls=1))

    assert Simulation(flow).start().finish("a").answer("f").status() is RunStatus.COMPLETED


def test_further_attempts_are_calls_too() -> None:
    retry = {"max_attempts": 5, "backoff_seconds": 0}
    run = Simulation(graph(tool("a", retry=retry), limits=RunLimits(max_tool_calls=2))).start()

    run.fail("a").fail("a")

    assert run.error_code == "step_limit_exceeded"
    assert run.state.counters.tool_calls == 2


def test_a_retry_wait_whose_calls_others_used_up_fails_when_it_is_over() -> None:
    retry = {"max_attempts": 2, "backoff_seconds": 5}
    flow = graph(
        parallel("p", [tool("a", retry=retry)], [tool("b"), tool("c")]), limits=RunLimits(max_tool_calls=3)
    )
    run = Simulation(flow).start().fail("p/0/a").finish("p/1/b")

    run.fire("retry:p/0/a")

    assert run.error_code == "step_limit_exceeded"


def test_a_recovered_call_counts_once() -> None:
    run = Simulation(graph(tool("a"), limits=RunLimits(max_tool_calls=1))).start().lose_worker()

    assert run.finish("a").status() is RunStatus.COMPLETED


def test_a_run_without_any_output_fails_and_says_so() -> None:
    run = Simulation(graph(tool("a"))).start().finish("a", {})

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "missing_run_output"
    assert run.last(RunFailed.kind).payload["error"]["code"] == "missing_run_output"


def test_an_output_that_is_not_allowed_fails_the_run() -> None:
    run = Simulation(graph(tool("a"))).start()
    run.preparing.output_error = failure("output_denied", "too large")

    run.finish("a")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "output_denied"
    assert run.state.output is None


def test_false_and_zero_are_outputs() -> None:
    for value in (0, False):
        assert Simulation(graph(tool("a"))).start().finish("a", value).status() is RunStatus.COMPLETED
