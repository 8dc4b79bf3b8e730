"""Operator verbs and timers at the level of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import CancelMode, StepErrorCode
from engine.errors import InvalidTransition
from engine.machine.control import (
    cancel_all,
    cancel_execution,
    cancel_waiting,
    end_run,
    escalated,
    give_up,
    resume_work,
    watch_timeout,
)
from engine.machine.events.agent_facts import ContextAdded, ToolsNarrowed
from engine.machine.events.model_facts import CallHeldBack as HeldBack
from engine.machine.events.reopen import reopened_paths, root_before_end
from engine.machine.events.request_facts import RequestExpired
from engine.machine.events.run_facts import (
    GovernanceDecision,
    RunCancelled,
    RunCancelRequested,
    RunCompleted,
    RunFailed,
    RunPaused,
    RunPauseRequested,
    RunResumed,
    RunRetried,
    RunStarted,
)
from engine.machine.events.run_facts import (
    OutputWritten as DocumentWritten,
)
from engine.machine.model.effects import (
    CancelStep,
    CancelTimer,
    ChildVerb,
    PrepareOutput,
    SetTimer,
    SteerChild,
)
from engine.machine.model.timers import TimerKind, timer_name, timer_parts
from engine.machine.steps.attempts import attempt_again, attempt_failed, longest_wait
from engine.machine.steps.people.human_approval import call_approved, is_approved_call
from engine.machine.steps.people.outcome import is_to_run_again, run_again
from engine.machine.steps.wait import waited
from engine.machine.transition_builder import TransitionBuilder, failure
from engine.machine.walk import (
    UNDER_WAY,
    active_leaves,
    in_flight,
    is_held,
    outstanding,
    running_composites,
    waits_for_needs,
)

if TYPE_CHECKING:
    from engine.machine.model.inputs import (
        CallHeldBack,
        Cancel,
        Narrow,
        OutputPrepared,
        OutputWritten,
        Pause,
        Resume,
        Retry,
        Start,
        Tell,
        TimerFired,
    )


_SECOND = 1_000_000
_MINUTE = 60 * _SECOND


def start(builder: TransitionBuilder, _given: Start) -> None:
    """The run starts."""
    builder.emit(RunStarted(builder.graph.flow.autonomy_level.value))
    _watch_duration(builder)
    resume_work(builder)


def pause(builder: TransitionBuilder, _given: Pause) -> None:
    """Start nothing new; PAUSED as soon as no tool call is under way."""
    if builder.state.pause_requested:
        return
    builder.emit(RunPauseRequested())
    _steer_children(builder, ChildVerb.PAUSE)


def pause_queued(builder: TransitionBuilder, _given: Pause) -> None:
    """A run that has not begun is paused at once, before its first step."""
    builder.emit(RunStarted(builder.graph.flow.autonomy_level.value))
    _watch_duration(builder)
    builder.emit(RunPauseRequested())
    builder.emit(RunPaused())


def narrow(builder: TransitionBuilder, given: Narrow) -> None:
    """Turns that begin from now on have fewer tools; those under way keep theirs."""
    state, wanted = builder.state, {"only": given.only, "without": given.without}
    if wanted == {"only": None, "without": []}:
        changed = state.narrowed is not None or state.narrowed_once is not None
    else:
        changed = (state.narrowed_once if given.once else state.narrowed) != wanted
    if changed:
        builder.emit(ToolsNarrowed(given.only, given.without, given.once))


def tell(builder: TransitionBuilder, given: Tell) -> None:
    """The next question to a model has it; one that was put already has not."""
    builder.emit(ContextAdded(given.text, given.data))


def held_back(builder: TransitionBuilder, given: CallHeldBack) -> None:
    """A model was not asked at a soft cap: the run waits there until it is resumed, or ends there."""
    execution = builder.execution(given.path)
    if execution is None or not execution.is_in_flight or execution.attempt != given.attempt:
        return
    builder.emit(HeldBack(given.cap, given.stop), given.path)
    if given.stop and builder.state.cancel is None:
        builder.emit(RunCancelRequested(CancelMode.BOUNDARY.value))
        cancel_waiting(builder, "the run was ended at a soft cap")
    elif builder.state.cancel is not None:
        cancel_execution(builder, builder.execution(given.path) or execution, "the run was cancelled")
    elif not builder.state.pause_requested:
        builder.emit(RunPauseRequested())
        _steer_children(builder, ChildVerb.PAUSE)


def resume(builder: TransitionBuilder, given: Resume) -> None:
    """Go on; retry waits are set again, those that are due fire at once."""
    if not builder.state.pause_requested:
        return
    builder.emit(RunResumed())
    _steer_children(builder, ChildVerb.RESUME)
    for leaf in list(active_leaves(builder.state.root)):
        if is_to_run_again(leaf):
            run_again(builder, leaf)
        elif is_approved_call(leaf):
            call_approved(builder, leaf)
        elif leaf.retry_at is not None:
            due = min(max(leaf.retry_at, given.clock), given.clock + longest_wait(builder, leaf))
            builder.effect(SetTimer(timer_name(TimerKind.RETRY, leaf.path), due))
    resume_work(builder)


def cancel(builder: TransitionBuilder, given: Cancel) -> None:
    """Stop: what only waits ends at once, a tool call under way is stopped or finishes first."""
    state = builder.state
    if state.cancel is CancelMode.NOW or state.cancel is given.mode:
        return
    builder.emit(RunCancelRequested(given.mode.value))
    cancel_waiting(builder, "the run was cancelled", late=given.late)
    if given.mode is CancelMode.NOW:
        for execution in in_flight(builder.state):
            builder.effect(CancelStep(execution.path))


def cancel_queued(builder: TransitionBuilder, given: Cancel) -> None:
    """A run that has not begun is cancelled at once."""
    builder.emit(RunCancelRequested(given.mode.value))
    end_run(builder, RunCancelled(failure(StepErrorCode.CANCELLED, "cancelled before it started")))


def retry(builder: TransitionBuilder, _given: Retry) -> None:
    """Open the failed step again with a fresh budget; numbers of attempts count on."""
    if builder.state.run_seq == 1:
        raise InvalidTransition("the run was refused before it started; start a new one")
    running, waiting = reopened_paths(root_before_end(builder.state))
    builder.emit(RunRetried(running, waiting))
    _watch_duration(builder)
    for execution in running_composites(builder.state.root):  # opened again, not started again
        watch_timeout(builder, execution.path)
    resume_work(builder)


def timer_fired(builder: TransitionBuilder, given: TimerFired) -> None:
    """A wait is over, a step took too long, or the whole run did."""
    kind, path = timer_parts(given.timer)
    match kind:
        case TimerKind.MAX_DURATION:
            _out_of_time(builder)
        case TimerKind.TIMEOUT:
            _timed_out(builder, path)
        case TimerKind.WAIT | TimerKind.UNTIL:
            waited(builder, path)
        case TimerKind.RETRY:
            if not is_held(builder.state):
                builder.effect(CancelTimer(given.timer))  # a resume that was heard before it has set it again
                attempt_again(builder, path)


def _out_of_time(builder: TransitionBuilder) -> None:
    """End the run, or where its flow names an escalation, the step it is at."""
    seconds, root = builder.graph.flow.max_duration, builder.state.root
    message = f"the run took longer than its max_duration of {seconds:g} s"
    error = failure(StepErrorCode.MAX_DURATION, message)
    if builder.graph.flow.escalation is not None and root.active is None:
        # between two steps nothing can be failed: look again when the next one may have begun
        wait = _MINUTE if builder.state.paused else _SECOND
        builder.effect(SetTimer(timer_name(TimerKind.MAX_DURATION), builder.input.clock + wait))
    elif root.active is None or not escalated(builder, root.executions[root.active], error):
        cancel_all(builder, "the run took too long", late=True)
        end_run(builder, RunFailed(error))


def _timed_out(builder: TransitionBuilder, path: str) -> None:
    execution = builder.execution(path)
    if (
        execution is None
        or execution.decision is not None
        or execution.retry_at is not None
        or execution.status not in UNDER_WAY
    ):
        return
    if waits_for_needs(builder.graph, builder.state, path):
        watch_timeout(builder, path)  # its time has not begun
        return
    if execution.request_id is not None:
        builder.emit(RequestExpired(execution.request_id), path)
        execution = builder.execution(path) or execution
    give_up(builder, execution, "the step took too long", late=True)
    if execution.call:  # the call itself has its time limit in the runtime: it awaited an answer
        error = failure(StepErrorCode.TIMEOUT, "nobody answered before the question expired")
    else:
        seconds = builder.step(path).timeout or 0
        message = f"no end within the step's timeout of {seconds:g} s"
        error = failure(StepErrorCode.TIMEOUT, message, timeout=seconds)
    attempt_failed(builder, execution, error, 0.0)


def output_prepared(builder: TransitionBuilder, given: OutputPrepared) -> None:
    """The run's output is checked: complete the run, or fail it with the reason."""
    if not any(isinstance(effect, PrepareOutput) for effect in outstanding(builder.graph, builder.state)):
        return  # the run was held meanwhile; it is prepared again when it goes on
    if given.verdict is not None:
        builder.emit(GovernanceDecision(**given.verdict))
    if given.error is not None:
        end_run(builder, RunFailed(given.error))
        return
    end_run(builder, RunCompleted(output=given.value))


def output_written(builder: TransitionBuilder, given: OutputWritten) -> None:
    """The response document of an ended run is on disk."""
    builder.emit(DocumentWritten(**given.document))


def _watch_duration(builder: TransitionBuilder) -> None:
    seconds = builder.graph.flow.max_duration
    if seconds is not None:
        builder.effect(
            SetTimer(timer_name(TimerKind.MAX_DURATION), builder.input.clock + round(seconds * 1_000_000))
        )


def _steer_children(builder: TransitionBuilder, verb: ChildVerb) -> None:
    for leaf in active_leaves(builder.state.root):
        if leaf.child_run_id is not None:
            builder.effect(SteerChild(leaf.child_run_id, verb))
