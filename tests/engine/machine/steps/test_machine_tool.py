from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts.flows.step import RetryPolicy
from engine.contracts.status import RunStatus, StepErrorCode, StepStatus
from engine.machine.events.run_facts import RunCompleted, RunQueued, RunStarted
from engine.machine.events.step_facts import (
    AttemptFailed,
    AttemptStarted,
    RetryScheduled,
    StepCompleted,
    StepFailed,
    StepRecovered,
    StepStarted,
)
from engine.machine.model.effects import RunStep
from engine.machine.model.inputs import StepFinished, StepInterrupted, TimerFired
from engine.machine.retrying import backoff_micros
from engine.machine.steps.attempts import MAX_RECOVERIES
from engine.machine.table import transition
from engine.machine.transition_builder import failure
from tests.engine.machine.flow_builders import graph, tool
from tests.engine.machine.simulation import Simulation

SECOND = 1_000_000


def started(**fields: Any) -> Simulation:
    return Simulation(graph(tool("a", **fields))).start()


def waiting_for_retry(seconds: float = 2.0, **policy: Any) -> Simulation:
    return started(retry={"max_attempts": 3, "backoff_seconds": seconds, **policy}).fail("a")


def test_a_run_of_one_tool_completes_with_its_output() -> None:
    run = started(params={"x": 1})

    run.finish("a", {"answer": 42})

    assert run.status() is RunStatus.COMPLETED
    assert run.state.output == {"answer": 42}
    assert run.execution("a").input == {"x": 1}
    assert run.kinds() == [
        RunQueued.kind,
        RunStarted.kind,
        StepStarted.kind,
        StepCompleted.kind,
        RunCompleted.kind,
    ]


def test_steps_run_one_after_the_other() -> None:
    run = Simulation(graph(tool("a"), tool("b"))).start()
    assert run.calls == {"a": 1}

    run.finish("a")

    assert run.calls == {"b": 1}
    assert run.status() is RunStatus.RUNNING


def test_finishing_one_step_and_starting_the_next_is_one_transition() -> None:
    run = Simulation(graph(tool("a"), tool("b")), eager=False).start()
    run.prepare_next()

    run.finish("a")

    assert isinstance(run.events[-1].fact, StepCompleted)
    assert list(run.preparations) == [("Prepare", "b")]


def test_without_a_policy_the_first_failure_is_final() -> None:
    run = started().fail("a", "rate_limited")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "rate_limited"
    assert run.state.error is not None
    assert run.state.error["step_id"] == "a"
    assert run.execution("a").status is StepStatus.FAILED


def test_a_failed_attempt_waits_and_then_runs_again() -> None:
    run = waiting_for_retry()
    assert run.status() is RunStatus.RETRYING
    assert run.calls == {}
    assert run.execution("a").retry_at == run.timers["retry:a"]

    run.fire("retry:a")

    assert run.calls == {"a": 2}
    assert run.status() is RunStatus.RUNNING
    assert run.finish("a").status() is RunStatus.COMPLETED
    assert run.execution("a").error is None


def test_a_fixed_wait_is_the_same_each_time() -> None:
    run = waiting_for_retry(2.0)
    waits = [run.last(RetryScheduled.kind).payload["delay_ms"]]
    run.fire("retry:a").fail("a", jitter=0.9)
    waits.append(run.last(RetryScheduled.kind).payload["delay_ms"])

    assert waits == [2_000, 2_000]


def test_exhausted_attempts_fail_the_run_and_are_all_in_the_history() -> None:
    run = waiting_for_retry()
    run.fire("retry:a").fail("a").fire("retry:a").fail("a", "timeout")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "timeout"
    assert run.execution("a").attempt == 3
    assert run.count(AttemptFailed.kind) == 2
    assert run.state.counters.tool_calls == 3


def test_no_wait_runs_the_next_attempt_in_the_same_transition() -> None:
    run = waiting_for_retry(0)

    assert run.calls == {"a": 2}
    assert run.timers == {}
    assert run.kinds("a")[-3:] == [AttemptFailed.kind, RetryScheduled.kind, AttemptStarted.kind]


def test_only_the_named_codes_are_tried_again() -> None:
    policy = {"max_attempts": 3, "backoff_seconds": 0, "retry_on_codes": ["timeout"]}

    again, final = started(retry=policy).fail("a", "timeout"), started(retry=policy).fail("a", "not_found")

    assert again.calls == {"a": 2}
    assert final.status() is RunStatus.FAILED


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (failure("backend_error", "no"), {"a": 2}),
        (failure("backend_error", "no", recoverable=True), {"a": 2}),
        (failure("backend_error", "no", recoverable=None), {"a": 2}),
        (failure("contract_violation", "no", recoverable=False), {}),
        (failure("permission_denied", "no", recoverable=True), {}),
        (failure("approval_rejected", "no"), {}),
        (failure("cancelled", "no"), {}),
        (failure("timeout", "no", recoverable=False), {}),
    ],
)
def test_what_would_fail_the_same_way_is_tried_once(error: dict[str, Any], calls: dict[str, int]) -> None:
    run = started(retry={"max_attempts": 3, "backoff_seconds": 0})
    assert run.fail("a", error=error).calls == calls
    assert (run.status() is RunStatus.FAILED) is (calls == {})


@pytest.mark.parametrize(
    ("retry", "code", "why"),
    [
        (None, "timeout", "no_retry_policy"),
        ({"max_attempts": 1}, "timeout", "max_attempts_reached"),
        ({"max_attempts": 3, "retry_on_codes": ["timeout"]}, "not_found", "error_code_not_retryable"),
        ({"max_attempts": 3}, "permission_denied", "error_code_not_retryable"),
    ],
)
def test_the_last_failure_says_why_no_attempt_follows(
    retry: dict[str, Any] | None, code: str, why: str
) -> None:
    run = started() if retry is None else started(retry=retry)
    last = run.fail("a", code).last(StepFailed.kind).fact
    assert isinstance(last, StepFailed)
    assert last.retry == why


def test_a_step_that_was_not_tried_tells_of_no_retry() -> None:
    run = Simulation(graph(tool("a", when="broken", retry={"max_attempts": 2}))).start()
    last = run.last(StepFailed.kind).fact
    assert isinstance(last, StepFailed)
    assert last.retry is None


@pytest.mark.parametrize("reason", [["disk_full"], {"disk_full": True}, 7, None])
def test_a_reason_may_be_any_json(reason: object) -> None:
    error = failure(StepErrorCode.BACKEND_ERROR, "full", reason=reason)
    policy = {"max_attempts": 2, "retry_on_codes": ["disk_full"]}
    run = started(retry=policy).fail("a", error=error)
    assert run.status() is RunStatus.FAILED
    assert run.state.error is not None
    assert run.state.error["details"] == {"reason": reason}


@pytest.mark.parametrize("word", ["temporary", "TEMPORARY"])
def test_both_words_for_what_may_pass_mean_the_same(word: str) -> None:
    run = started(retry={"max_attempts": 2, "retry_on_codes": [word]})
    assert run.fail("a", StepErrorCode("TEMPORARY").value).calls == {"a": 2}
    assert StepErrorCode("temporary") is StepErrorCode.TEMPORARY


def test_the_timeout_of_a_tool_is_an_error_of_its_call_not_a_timer() -> None:
    run = started(timeout=3, retry={"max_attempts": 2})
    assert run.timers == {}

    run.fail("a", "timeout")

    assert run.calls == {"a": 2}


@given(
    failures=st.integers(1, 9),
    jitter=st.floats(0, 1, exclude_max=True),
    seconds=st.floats(0, 60),
    cap=st.floats(0, 3600),
)
def test_exponential_waits_double_up_to_the_cap_with_at_most_half_taken_off(
    failures: int, jitter: float, seconds: float, cap: float
) -> None:
    policy = RetryPolicy.model_validate(
        {"max_attempts": 10, "backoff_seconds": seconds, "backoff": "exponential", "max_backoff_seconds": cap}
    )
    full = min(seconds * 2 ** (failures - 1), cap) * SECOND

    wait = backoff_micros(policy, failures, jitter)

    assert full / 2 - 1 <= wait <= full + 1


def test_jitter_is_not_applied_to_fixed_waits() -> None:
    policy = RetryPolicy(backoff_seconds=4)

    assert {backoff_micros(policy, n, jitter) for n in (1, 5) for jitter in (0.0, 0.99)} == {4 * SECOND}


@pytest.mark.parametrize("attempt", [1, 3])
def test_the_answer_of_another_attempt_changes_nothing(attempt: int) -> None:
    run = waiting_for_retry(0)
    answer = StepFinished(now=run.now, path="a", attempt=attempt, ok=True, output=1)

    assert transition(run.graph, run.state, answer).events == []


def test_an_answer_while_the_retry_waits_changes_nothing() -> None:
    run = waiting_for_retry()
    answer = StepFinished(now=run.now, path="a", attempt=1, ok=True, output=1)

    assert transition(run.graph, run.state, answer).events == []


def test_a_retry_timer_that_fires_twice_starts_one_attempt() -> None:
    run = waiting_for_retry()
    run.fire("retry:a")

    run.give(TimerFired(now=run.now, timer="retry:a"))

    assert run.calls == {"a": 2}
    assert run.count(AttemptStarted.kind) == 1


def test_a_lost_worker_repeats_the_same_attempt_and_counts_the_recovery() -> None:
    run = waiting_for_retry(0)

    run.lose_worker()

    assert run.calls == {"a": 2}
    assert run.execution("a").recoveries == 1
    assert run.state.counters.tool_calls == 2


def test_the_fifth_lost_worker_makes_a_dead_letter() -> None:
    run = started()
    for _ in range(MAX_RECOVERIES - 1):
        run.lose_worker()
    assert run.status() is RunStatus.RUNNING

    run.lose_worker()

    assert run.status() is RunStatus.DEAD_LETTER
    assert run.error_code == "recovery_limit"
    assert run.execution("a").status is StepStatus.FAILED
    assert run.last(StepRecovered.kind).payload["recoveries"] == MAX_RECOVERIES


def test_a_worker_that_gives_its_run_back_does_not_count() -> None:
    run = started()

    for _ in range(3 * MAX_RECOVERIES):
        run.lose_worker(lost=False)

    assert run.execution("a").recoveries == 0
    assert run.finish("a").status() is RunStatus.COMPLETED


def test_a_step_that_is_not_in_flight_is_not_recovered() -> None:
    run = waiting_for_retry()

    done = transition(run.graph, run.state, StepInterrupted(now=run.now, path="a"))

    assert (done.events, done.effects) == ([], [])


def test_a_lost_worker_between_steps_costs_nothing() -> None:
    run = Simulation(graph(tool("a"), tool("b")), eager=False).start()
    run.prepare_next()
    run.finish("a")

    run.lose_worker()
    run.prepare_next()

    assert run.calls == {"b": 1}
    assert run.count(StepRecovered.kind) == 0


def test_the_call_carries_the_attempt_it_is() -> None:
    run = waiting_for_retry(0)
    failed = StepFinished(now=run.now, path="a", attempt=2, ok=False, error={"code": "x", "message": "y"})

    assert transition(run.graph, run.state, failed).effects == [RunStep("a", 3)]
