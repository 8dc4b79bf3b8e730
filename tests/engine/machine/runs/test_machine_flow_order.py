"""Forms, `when`, jumps, visits: how a run walks its list of steps."""

from __future__ import annotations

import pytest

from engine.contracts.status import RunStatus, StepStatus
from engine.machine.events.request_facts import UserInputReceived
from engine.machine.model.inputs import FormSubmitted, StepPrepared
from engine.machine.table import transition
from tests.engine.machine.flow_builders import approval, for_each, form, graph, parallel, subflow, tool
from tests.engine.machine.simulation import Simulation


def test_a_form_parks_the_run_until_its_answer_is_the_output() -> None:
    run = Simulation(graph(form("f"))).start()
    assert run.status() is RunStatus.PENDING_USER_INPUT

    run.answer("f", {"severity": "high"}, who="ben")

    assert run.status() is RunStatus.COMPLETED
    assert run.state.output["values"] == {"severity": "high"}
    assert run.last(UserInputReceived.kind).actor == "ben"


def test_an_answer_to_another_request_changes_nothing() -> None:
    run = Simulation(graph(form("f"))).start()
    stray = FormSubmitted(now=run.now, path="f", request_id="form_other")

    assert transition(run.graph, run.state, stray).events == []


def test_a_form_that_nobody_answers_in_time_fails_and_is_withdrawn() -> None:
    run = Simulation(graph(form("f", timeout=5))).start().fire("timeout:f")

    assert run.error_code == "timeout"
    assert run.pending == []


def test_an_answered_form_cancels_its_timer() -> None:
    run = Simulation(graph(form("f", timeout=5), tool("a"))).start().answer("f")

    assert run.timers == {}
    assert run.calls == {"a": 1}


@pytest.mark.parametrize(
    "step",
    [
        tool("s", when=False),
        approval("s", when=False),
        form("s", when=False),
        subflow("s", when=False),
        parallel("s", [tool("x")], when=False),
        for_each("s", [1], tool("x"), when=False),
    ],
    ids=lambda step: str(step["type"]),
)
def test_a_step_whose_when_is_false_is_skipped(step: dict[str, object]) -> None:
    run = Simulation(graph(step, tool("a"))).start()

    assert run.execution("s").status is StepStatus.SKIPPED
    assert run.calls == {"a": 1}
    assert run.state.counters.steps_executed == 1


def test_a_skipped_step_falls_through_whatever_its_jumps() -> None:
    run = Simulation(graph(tool("s", when=False, on_success="b"), tool("a"), tool("b"))).start()

    assert run.calls == {"a": 1}


def test_a_step_that_cannot_be_rendered_fails_without_starting() -> None:
    run = Simulation(graph(tool("a", when="broken"))).start()

    assert run.error_code == "template_error"
    assert run.state.counters.steps_executed == 0
    assert run.execution("a").status is StepStatus.FAILED


def test_a_step_that_cannot_be_rendered_follows_on_failure() -> None:
    run = Simulation(graph(tool("a", when="broken", on_failure="continue"), tool("b"))).start()

    assert run.calls == {"b": 1}


def test_success_jumps_forward_over_steps() -> None:
    run = Simulation(graph(tool("a", on_success="c"), tool("b"), tool("c"))).start().finish("a")

    assert run.calls == {"c": 1}


def test_failure_jumps_to_its_step_and_keeps_the_error_for_templates() -> None:
    run = Simulation(graph(tool("a", on_failure="c"), tool("b"), tool("c"))).start().fail("a", "not_found")

    assert run.calls == {"c": 1}
    error = run.execution("a").error
    assert error is not None
    assert error["code"] == "not_found"


def test_a_failure_that_continues_takes_the_next_step() -> None:
    run = Simulation(graph(tool("a", on_failure="continue"), tool("b"))).start().fail("a").finish("b")

    assert run.status() is RunStatus.COMPLETED


def test_a_success_that_is_to_fail_ends_the_flow_as_failed() -> None:
    run = Simulation(graph(tool("a", on_success="fail"), tool("b"))).start().finish("a")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "flow_failed"


def test_a_jump_back_visits_again_on_a_path_of_its_own() -> None:
    run = Simulation(graph(tool("a", max_visits=3), tool("b", on_success="a"))).start()

    run.finish("a").finish("b")

    assert run.calls == {"a~2": 1}
    run.finish("a~2")
    assert run.calls == {"b~2": 1}


def test_one_visit_more_than_allowed_fails_with_visit_limit() -> None:
    run = Simulation(graph(tool("a", max_visits=2), tool("b", on_success="a"))).start()

    run.finish("a").finish("b").finish("a~2").finish("b~2")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "visit_limit"
    assert run.state.error is not None
    assert run.state.error["details"] == {"step": "a", "max_visits": 2}


def test_a_failure_that_may_not_jump_back_any_more_names_its_own_cause() -> None:
    run = Simulation(graph(tool("a", max_visits=2, on_failure="a"))).start()

    run.fail("a").fail("a~2", "rate_limited")

    assert run.error_code == "visit_limit"
    assert run.state.error is not None
    assert run.state.error["details"]["cause"]["code"] == "rate_limited"


def test_skipped_visits_count_so_that_no_loop_is_endless() -> None:
    run = Simulation(graph(tool("s", when=False, max_visits=2), tool("a", on_success="s"))).start()

    run.finish("a").finish("a~2")

    assert run.error_code == "visit_limit"


def test_jumps_stay_inside_their_branch() -> None:
    run = Simulation(graph(parallel("p", [tool("x", on_success="z"), tool("y"), tool("z")]))).start()

    run.finish("p/0/x")

    assert run.calls == {"p/0/z": 1}


def test_a_preparation_that_is_out_of_date_starts_nothing() -> None:
    run = Simulation(graph(tool("a"), tool("b"))).start()

    for path in ("a", "b", "a~2"):
        done = transition(run.graph, run.state, StepPrepared(now=run.now, path=path))
        assert (done.events, done.effects) == ([], [])


def test_the_output_is_the_last_one_that_is_not_empty() -> None:
    run = Simulation(graph(tool("a"), tool("b"), tool("c", when=False))).start()

    run.finish("a", {"kept": 1}).finish("b", {})

    assert run.state.output == {"kept": 1}


def test_a_jump_forward_is_no_visit_that_is_counted() -> None:
    steps = [tool("a", max_visits=2, on_success="c"), tool("b"), tool("c", on_failure="a")]
    run = Simulation(graph(*steps)).start().finish("a").fail("c")

    run.finish("a~2").finish("c~2", 5)

    assert run.status() is RunStatus.COMPLETED
    assert run.state.output == 5
