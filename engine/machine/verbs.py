"""Operator verbs and timers at the level of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import CancelMode, StepErrorCode, StepStatus
from engine.errors import InvalidTransition
from engine.machine.control import (
    cancel_all,
    cancel_waiting,
    end_run,
    escalated,
    fail,
    give_up,
    resume_work,
    settle,
    watch_timeout,
)
from engine.machine.draft import Draft, failure
from engine.machine.effects import CancelStep, CancelTimer, PrepareOutput, SetTimer, SteerChild
from engine.machine.events import Kind
from engine.machine.reopen import reopened_paths
from engine.machine.steps.tool import attempt_again, failed
from engine.machine.walk import active_leaves, holds, in_flight, outstanding, running_composites

if TYPE_CHECKING:
    from engine.machine.inputs import (
        Cancel,
        OutputPrepared,
        OutputWritten,
        Pause,
        Resume,
        Retry,
        Start,
        TimerFired,
    )


def begin(draft: Draft, _given: Start) -> None:
    """The run starts."""
    draft.emit(Kind.RUN_STARTED)
    _watch_duration(draft)
    resume_work(draft)


def pause(draft: Draft, _given: Pause) -> None:
    """Start nothing new; PAUSED as soon as no tool call is under way."""
    if draft.state.pause_requested:
        return
    draft.emit(Kind.RUN_PAUSE_REQUESTED)
    _steer_children(draft, "pause")
    settle(draft)


def pause_queued(draft: Draft, _given: Pause) -> None:
    """A run that has not begun is paused at once, before its first step."""
    draft.emit(Kind.RUN_STARTED)
    _watch_duration(draft)
    draft.emit(Kind.RUN_PAUSE_REQUESTED)
    draft.emit(Kind.RUN_PAUSED)


def resume(draft: Draft, given: Resume) -> None:
    """Go on; retry waits are set again, those that are due fire at once."""
    if not draft.state.pause_requested:
        return
    draft.emit(Kind.RUN_RESUMED)
    _steer_children(draft, "resume")
    for leaf in active_leaves(draft.state.root):
        if leaf.retry_at is not None:
            draft.effect(SetTimer(f"retry:{leaf.path}", max(leaf.retry_at, given.now)))
    resume_work(draft)


def cancel(draft: Draft, given: Cancel) -> None:
    """Stop: what only waits ends at once, a tool call under way is stopped or finishes first."""
    state = draft.state
    if state.cancel is CancelMode.NOW or state.cancel is given.mode:
        return
    draft.emit(Kind.RUN_CANCEL_REQUESTED, mode=given.mode.value)
    cancel_waiting(draft, "the run was cancelled")
    if given.mode is CancelMode.NOW:
        for execution in in_flight(draft.state):
            draft.effect(CancelStep(execution.path))
    settle(draft)


def cancel_queued(draft: Draft, given: Cancel) -> None:
    """A run that has not begun is cancelled at once."""
    draft.emit(Kind.RUN_CANCEL_REQUESTED, mode=given.mode.value)
    end_run(draft, Kind.RUN_CANCELLED, failure(StepErrorCode.CANCELLED, "cancelled before it started"))


def retry(draft: Draft, _given: Retry) -> None:
    """Open the failed step again with a fresh budget; numbers of attempts count on."""
    if draft.state.run_seq == 1:
        raise InvalidTransition("the run was refused before it started; start a new one")
    running, waiting = reopened_paths(draft.state.root)
    draft.emit(Kind.RUN_RETRIED, running=running, waiting=waiting)
    _watch_duration(draft)
    for execution in running_composites(draft.state.root):  # opened again, not started again
        watch_timeout(draft, execution.path)
    resume_work(draft)


def timer_fired(draft: Draft, given: TimerFired) -> None:
    """A wait is over, a step took too long, or the whole run did."""
    what, _, path = given.timer.partition(":")
    if what == "max_duration":
        _out_of_time(draft)
    elif what == "retry" and not holds(draft.state):
        attempt_again(draft, path)
    elif what == "timeout":
        _timed_out(draft, path)


def _out_of_time(draft: Draft) -> None:
    """End the run, or where its flow names an escalation, the step it is at."""
    seconds, root = draft.graph.flow.max_duration, draft.state.root
    message = f"the run took longer than its max_duration of {seconds:g} s"
    error = failure(StepErrorCode.MAX_DURATION, message)
    if draft.graph.flow.escalation is not None and root.active is None:
        # between two steps nothing can be failed: look again when the next one has begun
        draft.effect(SetTimer("max_duration", draft.input.now + _SECOND))
    elif root.active is None or not escalated(draft, root.executions[root.active], error):
        cancel_all(draft, "the run took too long")
        end_run(draft, Kind.RUN_FAILED, error)


def _timed_out(draft: Draft, path: str) -> None:
    execution = draft.execution(path)
    if (
        execution is None
        or execution.decision is not None
        or execution.retry_at is not None
        or execution.status not in _WAITING
    ):
        return
    seconds = draft.step(path).timeout or 0
    give_up(draft, execution, "the step took too long")
    message = f"no end within the step's timeout of {seconds:g} s"
    error = failure(StepErrorCode.TIMEOUT, message, timeout=seconds)
    if execution.type == "subflow":
        failed(draft, execution, error, 0.0)
    else:
        fail(draft, path, error)
    settle(draft)


_SECOND = 1_000_000
_WAITING = frozenset({StepStatus.RUNNING, StepStatus.PENDING_HUMAN, StepStatus.PENDING_USER_INPUT})


def output_prepared(draft: Draft, given: OutputPrepared) -> None:
    """The run's output is checked: complete the run, or fail it with the reason."""
    if not any(isinstance(effect, PrepareOutput) for effect in outstanding(draft.graph, draft.state)):
        return  # the run was held meanwhile; it is prepared again when it goes on
    if given.error is not None:
        end_run(draft, Kind.RUN_FAILED, given.error)
        return
    draft.emit(Kind.RUN_COMPLETED, output=given.value)
    if draft.graph.flow.max_duration is not None:
        draft.effect(CancelTimer("max_duration"))


def output_written(draft: Draft, given: OutputWritten) -> None:
    """The response document of an ended run is on disk."""
    draft.emit(Kind.OUTPUT_WRITTEN, **given.document)


def _watch_duration(draft: Draft) -> None:
    seconds = draft.graph.flow.max_duration
    if seconds is not None:
        draft.effect(SetTimer("max_duration", draft.input.now + round(seconds * 1_000_000)))


def _steer_children(draft: Draft, verb: str) -> None:
    for leaf in active_leaves(draft.state.root):
        if leaf.child_run_id is not None:
            draft.effect(SteerChild(leaf.child_run_id, verb))
