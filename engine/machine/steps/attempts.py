"""Attempts of a step: how calls end, retries, recovery after a lost worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import CancelMode, StepErrorCode
from engine.machine.control import advance, call_meta, cancel_all, complete, end_run, fail
from engine.machine.events.model_facts import ModelUsage
from engine.machine.events.run_facts import GovernanceDecision, RunDeadLettered
from engine.machine.events.step_facts import (
    AttemptFailed,
    AttemptStarted,
    RetryScheduled,
    StepCancelled,
    StepFailed,
    StepPutBack,
    StepRecovered,
    SubflowRetryDue,
)
from engine.machine.model.effects import RunStep, SetTimer
from engine.machine.model.state import scope_path_of
from engine.machine.model.timers import TimerKind, timer_name
from engine.machine.retrying import wait_micros, why_not_again
from engine.machine.steps.limits import tool_calls_used_up
from engine.machine.steps.outside.prompt import drop_permissions
from engine.machine.steps.people.awaiting import await_answer
from engine.machine.steps.people.gate import ask_for_call_again, is_void
from engine.machine.steps.people.outcome import ask_outcome
from engine.machine.transition_builder import TransitionBuilder, failure

if TYPE_CHECKING:
    from engine.machine.model.inputs import StepFinished, StepInterrupted
    from engine.machine.model.inputs import StepPutBack as GivenBack
    from engine.machine.model.state import Execution

MAX_RECOVERIES = 5
AGENT_WENT_ON = "the agent went on without it"
AGENT_ENDED = "the agent that asked has ended"
AGENT_LOST = "the process of the agent that asked is gone: the agent is prompted anew"


def finished(builder: TransitionBuilder, given: StepFinished) -> None:
    """A call ended; a late answer of an attempt that no longer counts changes nothing but what was spent."""
    spent(builder, given)
    execution = builder.execution(given.path)
    if execution is None or not execution.is_in_flight or execution.attempt != given.attempt:
        return
    if given.verdict is not None:
        builder.emit(GovernanceDecision(**given.verdict), given.path)
    drop_permissions(builder, given.path, AGENT_WENT_ON if given.ok else AGENT_ENDED)
    if given.ok and given.awaits is not None and builder.state.cancel is None:
        await_answer(builder, execution, given.awaits)
    elif given.ok and given.awaits is not None:
        builder.emit(StepCancelled("the run was cancelled"), given.path)
    elif given.ok:
        complete(builder, given.path, given.output)
    elif given.cancelled or builder.state.cancel is CancelMode.NOW:
        builder.emit(StepCancelled("the run was cancelled"), given.path)
    else:
        error = given.error or failure(StepErrorCode.UNKNOWN, "no reason given")
        if is_void(execution, error) and builder.state.cancel is None:
            ask_for_call_again(builder, execution, error)
        else:
            attempt_failed(builder, execution, error, given.jitter)


def spent(builder: TransitionBuilder, given: StepFinished) -> None:
    """What a model used counts whatever the run has come to meanwhile."""
    if given.usage is not None:
        builder.emit(ModelUsage(**given.usage), given.path)


def attempt_failed(
    builder: TransitionBuilder, execution: Execution, error: dict[str, object], jitter: float
) -> None:
    """One attempt failed: schedule the next one, or fail the step."""
    step = builder.step(execution.path)
    policy = step.retry_policy
    if policy is None or why_not_again(policy, execution, error) is not None:
        fail(builder, execution.path, error)
        return
    meta = call_meta(builder, execution.path)
    builder.emit(AttemptFailed(error, execution.attempt, meta), execution.path)
    delay = wait_micros(policy, execution.attempt - execution.budget_from, jitter, error)
    following = execution.attempt + 1
    if builder.state.cancel is not None:
        builder.emit(StepCancelled("the run was cancelled"), execution.path)
        return
    retry_at = builder.input.clock + delay
    builder.emit(RetryScheduled(retry_at, following, delay // 1000), execution.path)
    if delay == 0 and not builder.state.pause_requested:
        attempt_again(builder, execution.path)
    else:
        builder.effect(SetTimer(timer_name(TimerKind.RETRY, execution.path), retry_at))


def attempt_again(builder: TransitionBuilder, path: str) -> None:
    """The wait is over: begin the next attempt; a subflow is prepared anew, its child needs a new id."""
    execution = builder.execution(path)
    if execution is None or execution.retry_at is None:
        return
    if not execution.call:
        builder.emit(SubflowRetryDue(), path)
        advance(builder, scope_path_of(path))
        return
    spent = None if execution.model else tool_calls_used_up(builder)
    if spent is not None:
        fail(builder, path, spent)
        return
    attempt = execution.attempt + 1
    builder.emit(AttemptStarted(attempt), path)
    builder.effect(RunStep(path, attempt))


def interrupted(builder: TransitionBuilder, given: StepInterrupted) -> None:
    """A call lost its worker: it is made again or a person is asked; the fifth loss is a dead letter."""
    execution = builder.execution(given.path)
    if execution is None or not execution.is_in_flight:
        return
    if builder.state.cancel is not None:
        builder.emit(StepCancelled("the run was cancelled while its worker was lost"), given.path)
        return
    drop_permissions(builder, given.path, AGENT_LOST)
    recoveries = execution.recoveries + given.lost
    if execution.ask_when_lost and given.begun:
        ask_outcome(builder, execution, given, recoveries)
        return
    builder.emit(StepRecovered(recoveries, execution.attempt), given.path)
    if recoveries >= MAX_RECOVERIES:
        message = f"the worker was lost {recoveries} times during this step"
        error = failure(StepErrorCode.RECOVERY_LIMIT, message, recoveries=recoveries)
        builder.emit(StepFailed(type=execution.type, error=error), given.path)
        cancel_all(builder, "the run became a dead letter")
        end_run(builder, RunDeadLettered({**error, "step_id": given.path}))
        return
    builder.effect(RunStep(given.path, execution.attempt))


def put_back(builder: TransitionBuilder, given: GivenBack) -> None:
    """The call has not begun: whoever goes on makes it, and has nobody to ask."""
    execution = builder.execution(given.path)
    if execution is None or not execution.is_in_flight:
        return
    if builder.state.cancel is not None:
        builder.emit(StepCancelled("the run was cancelled before the call had begun"), given.path)
    elif not execution.put_back:
        builder.emit(StepPutBack(execution.attempt), given.path)


def longest_wait(builder: TransitionBuilder, execution: Execution) -> int:
    """What its retry may wait at the most from now on, whatever the clock said when it was scheduled."""
    policy, error = builder.step(execution.path).retry_policy, execution.error or {}
    return wait_micros(policy, execution.attempt - execution.budget_from, 1.0, error) if policy else 0
