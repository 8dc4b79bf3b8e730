from __future__ import annotations

from typing import Any

import pytest

from engine.contracts.status import CancelMode, RunStatus, StepStatus
from engine.machine.events.step_facts import SubflowRetryDue
from engine.machine.model.effects import StartChild
from engine.machine.model.inputs import ChildEnded, StepPrepared
from engine.machine.table import transition
from engine.machine.transition_builder import failure
from tests.engine.machine.flow_builders import graph, parallel, subflow, tool
from tests.engine.machine.simulation import Simulation


def parent(**fields: object) -> Simulation:
    return Simulation(graph(subflow("s", params={"n": 1}, **fields))).start()


def test_a_subflow_starts_a_child_run_and_returns_its_output() -> None:
    run = parent()
    child = run.child_of("s")
    assert run.status() is RunStatus.RUNNING
    assert run.execution("s").child_run_id == child

    run.child_ended("s")

    assert run.status() is RunStatus.COMPLETED
    assert run.state.output == {"child": child}


def test_the_child_gets_the_rendered_parameters() -> None:
    run = Simulation(graph(subflow("s")), eager=False).start()
    prepared = StepPrepared(now=run.now, path="s", value={"n": 1}, new_id="run_7")

    done = transition(run.graph, run.state, prepared)

    assert done.effects == [StartChild("s", "run_7", "child", {"n": 1})]


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.DEAD_LETTER])
def test_a_child_that_did_not_complete_fails_its_step_and_says_why(status: RunStatus) -> None:
    run = parent()
    child = run.child_of("s")

    run.child_ended("s", status)

    assert run.error_code == "child_failed"
    assert run.state.error is not None
    assert run.state.error["message"] == f"child run {child} ended {status}: the child went wrong"


def test_a_retried_subflow_starts_a_new_child() -> None:
    run = parent(retry={"max_attempts": 2, "backoff_seconds": 1})
    first = run.child_of("s")
    run.child_ended("s", RunStatus.FAILED)
    assert run.status() is RunStatus.RETRYING

    run.fire("retry:s")

    second = run.child_of("s")
    assert second != first
    assert run.execution("s").attempt == 2
    assert run.execution("s").child_run_id == second
    assert run.calls == {}
    assert run.state.counters.tool_calls == 0
    run.child_ended("s")
    assert run.status() is RunStatus.COMPLETED


def test_a_subflow_has_its_attempts_and_no_more() -> None:
    run = parent(retry={"max_attempts": 2})

    run.child_ended("s", RunStatus.FAILED).child_ended("s", RunStatus.FAILED)

    assert run.status() is RunStatus.FAILED
    assert run.execution("s").attempt == 2
    assert run.count(SubflowRetryDue.kind) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (RunStatus.CANCELLED, failure("cancelled", "by ana")),
        (RunStatus.FAILED, failure("approval_rejected", "rejected by ana: no")),
        (RunStatus.FAILED, failure("permission_denied", "a policy forbids it")),
        (RunStatus.FAILED, failure("child_failed", "a person said no below", recoverable=False)),
    ],
)
def test_what_a_person_or_a_policy_said_no_to_below_is_not_asked_again(
    status: RunStatus, error: dict[str, Any]
) -> None:
    run = parent(retry={"max_attempts": 3, "retry_on_codes": ["child_failed"]})

    run.child_ended("s", status, error)

    assert run.status() is RunStatus.FAILED
    assert run.children == {}
    assert run.error_code == "child_failed"


def test_a_due_subflow_retry_survives_its_worker() -> None:
    run = parent(retry={"max_attempts": 2})
    run.eager = False
    run.child_ended("s", RunStatus.FAILED)
    run.deliver()

    run.lose_worker()
    run.catch_up()

    assert run.execution("s").attempt == 2
    assert len(run.children) == 1


def test_the_end_of_a_child_that_was_given_up_changes_nothing() -> None:
    run = parent(retry={"max_attempts": 2})
    first = run.child_of("s")
    run.child_ended("s", RunStatus.FAILED)
    late = ChildEnded(now=run.now, path="s", child_run_id=first, status="COMPLETED", output=1)

    assert transition(run.graph, run.state, late).events == []


def test_a_cancelled_parent_cancels_its_child() -> None:
    run = parent()
    child = run.child_of("s")

    run.cancel(CancelMode.NOW)

    assert run.status() is RunStatus.CANCELLED
    assert (child, "cancel_now") in run.steered
    assert run.execution("s").status is StepStatus.CANCELLED


@pytest.mark.parametrize(
    ("ended", "became"),
    [
        (RunStatus.CANCELLED, StepStatus.CANCELLED),
        (RunStatus.COMPLETED, StepStatus.COMPLETED),
        (RunStatus.FAILED, StepStatus.FAILED),
    ],
)
def test_a_cancel_after_the_step_waits_for_the_step_that_its_child_is_in(
    ended: RunStatus, became: StepStatus
) -> None:
    run = Simulation(graph(subflow("s", timeout=9), tool("b"))).start()
    child = run.child_of("s")

    run.cancel()
    assert run.status() is RunStatus.RUNNING
    assert run.steered == [(child, "cancel")]

    run.child_ended("s", ended)
    assert run.status() is RunStatus.CANCELLED
    assert run.execution("s").status is became
    assert run.steered == [(child, "cancel")]
    assert run.timers == {}


def test_a_cancel_after_the_step_can_still_become_one_at_once() -> None:
    run = parent()
    child = run.child_of("s")

    run.cancel().cancel(CancelMode.NOW)

    assert run.status() is RunStatus.CANCELLED
    assert run.steered == [(child, "cancel"), (child, "cancel_now")]


def test_pause_and_resume_reach_the_child() -> None:
    run = parent()
    child = run.child_of("s")

    run.pause()
    assert run.status() is RunStatus.PAUSED
    run.resume()

    assert run.steered == [(child, "pause"), (child, "resume")]
    assert run.status() is RunStatus.RUNNING


def test_a_child_that_ends_while_its_parent_is_paused_is_not_forgotten() -> None:
    run = Simulation(graph(subflow("s"), tool("a"))).start().pause()

    run.child_ended("s")
    assert run.status() is RunStatus.PAUSED
    assert run.calls == {}

    assert run.resume().calls == {"a": 1}


def test_a_child_that_takes_too_long_is_cancelled() -> None:
    run = parent(timeout=60)
    child = run.child_of("s")

    run.fire("timeout:s")

    assert run.error_code == "timeout"
    assert run.steered == [(child, "cancel_late")]


def test_each_attempt_of_a_subflow_has_its_own_timeout() -> None:
    run = parent(timeout=60, retry={"max_attempts": 2, "backoff_seconds": 1, "retry_on_codes": ["timeout"]})

    run.fire("timeout:s")
    assert run.timers.keys() == {"retry:s"}
    run.fire("retry:s")

    assert run.execution("s").attempt == 2
    assert run.timers.keys() == {"timeout:s"}


def test_a_failing_sibling_cancels_the_child() -> None:
    run = Simulation(graph(parallel("p", [subflow("s")], [tool("a")]))).start()
    child = run.child_of("p/0/s")

    run.fail("p/1/a")

    assert run.status() is RunStatus.FAILED
    assert run.steered == [(child, "cancel_now")]


def test_retrying_the_run_starts_a_new_child_and_counts_on() -> None:
    run = parent()
    first = run.child_of("s")
    run.child_ended("s", RunStatus.FAILED)

    run.retry()

    assert run.child_of("s") != first
    assert run.execution("s").attempt == 2
