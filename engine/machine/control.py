"""Moving on: the end of a step, of a branch, of a run; failing and cancelling what hangs below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import STEP_TERMINAL, CancelMode, StepErrorCode, StepStatus
from engine.machine.ending import forget_duration, own_end, start_ending
from engine.machine.escalation import escalation_index
from engine.machine.events.branch_facts import BranchCancelled, BranchCompleted, BranchFailed
from engine.machine.events.request_facts import RequestExpired, RequestWithdrawn
from engine.machine.events.run_facts import RunCancelled, RunFailed, RunPaused
from engine.machine.events.step_facts import StepCancelled, StepCompleted, StepFailed, StepSkipped
from engine.machine.model.effects import (
    CancelStep,
    CancelTimer,
    ChildVerb,
    Collect,
    Prepare,
    PrepareOutput,
    SetTimer,
    SteerChild,
)
from engine.machine.model.inputs import StepFinished
from engine.machine.model.state import (
    Branches,
    Execution,
    Phase,
    Scope,
    ScopeStatus,
    scope_path_of,
)
from engine.machine.model.timers import TimerKind, timer_name
from engine.machine.retrying import why_last
from engine.machine.transition_builder import TransitionBuilder, failure
from engine.machine.walk import (
    active_leaves,
    awaits_child,
    current_path,
    ends_after_children,
    in_flight,
    is_held,
    joined,
    joined_value,
    open_below,
    outstanding,
)

if TYPE_CHECKING:
    from engine.contracts.flows.step import Step
    from engine.machine.ending import RunEnd

Error = dict[str, Any]


def complete(builder: TransitionBuilder, path: str, output: Any, jump: str | None = None) -> None:
    """A step ended well: go where it says itself (`jump`), else follow `on_success`."""
    step = builder.step(path)
    if jump is None and step.on_success == "fail":
        message = f"step {step.id} ends the flow as failed (on_success: fail)"
        end_in_failure(builder, path, failure(StepErrorCode.FLOW_FAILED, message))
        return
    target, error = _target(builder, path, step, jump or step.on_success)
    if error is not None:
        _escalate_or_end(builder, path, error)
        return
    # what a person answered an escalation with is what such a run has to show
    result = path.partition("~")[0] == builder.graph.flow.escalation
    said = step.asks is not None and not result
    meta = call_meta(builder, path)
    builder.emit(StepCompleted(output=output, next=target, result=result, said=said, meta=meta), path)
    _after_step(builder, path)


def skip(builder: TransitionBuilder, path: str) -> None:
    """A step whose `when` is false: fall through to the next one."""
    step = builder.step(path)
    position = builder.graph.steps_of(scope_path_of(path)).position[step.id]
    builder.emit(StepSkipped(type=step.type, name=step.name or step.id, next=position + 1), path)
    advance(builder, scope_path_of(path))


def fail(builder: TransitionBuilder, path: str, error: Error) -> None:
    """A step ended badly for good: follow `on_failure`, or fail its scope."""
    step = builder.step(path)
    if step.on_failure == "fail":
        end_in_failure(builder, path, error)
        return
    if step.on_failure is None:
        _escalate_or_end(builder, path, error)
        return
    target, limit = _target(builder, path, step, step.on_failure)
    if limit is not None:
        _escalate_or_end(builder, path, {**limit, "details": {**limit["details"], "cause": error}})
        return
    told = {"error": {"code": error["code"], "message": error["message"]}} if step.tells_failure else None
    _step_failed(builder, path, error, target, told)
    _after_step(builder, path)


def _step_failed(
    builder: TransitionBuilder, path: str, error: Error, target: int | None = None, told: Any = None
) -> None:
    """Its list goes on with the step at `target`, if there is one, and with `told` in place of an output."""
    step, meta = builder.step(path), call_meta(builder, path)
    last = why_last(step, builder.execution(path), error)
    retry = None if last is None else last.value
    failed = StepFailed(type=step.type, error=error, next=target, meta=meta, output=told, retry=retry)
    builder.emit(failed, path)


def call_meta(builder: TransitionBuilder, path: str) -> dict[str, Any] | None:
    """How the call of this very execution went, when the input tells of it."""
    given = builder.input
    return given.meta if isinstance(given, StepFinished) and given.path == path else None


def _after_step(builder: TransitionBuilder, path: str) -> None:
    forget_timeout(builder, path)
    advance(builder, scope_path_of(path))


def time_limit(builder: TransitionBuilder, step: Step) -> int | None:
    """When the time of a step that starts now is over, microseconds UTC."""
    return None if step.timeout is None else builder.input.clock + round(step.timeout * 1_000_000)


def watch_timeout(builder: TransitionBuilder, path: str) -> None:
    """Set the timer of a step that waits; a tool call has its deadline in the runtime."""
    step = builder.step(path)
    due = time_limit(builder, step)
    if due is not None:
        builder.effect(SetTimer(timer_name(TimerKind.TIMEOUT, path), due))


def forget_timeout(builder: TransitionBuilder, path: str) -> None:
    """Cancel the timer that `watch_timeout` set."""
    step = builder.step(path)
    if step.timeout is not None and not (step.calls_tool or step.asks_model):
        builder.effect(CancelTimer(timer_name(TimerKind.TIMEOUT, path)))


def _target(builder: TransitionBuilder, path: str, step: Step, jump: str | None) -> tuple[int, Error | None]:
    """Index of the next step, or why the jump is not allowed any more."""
    steps = builder.graph.steps_of(scope_path_of(path))
    here = steps.position[step.id]
    if jump is None or jump in {"continue", "fail"}:
        return here + 1, None
    if jump == "done":
        return steps.end, None
    there = steps.position[jump]
    if there <= here:
        scope = builder.scope(scope_path_of(path))
        visits = scope.visits.get(jump, 0) - scope.replans.get(jump, {}).get("count", 0) if scope else 0
        limit = steps.steps[there].max_visits or 1
        if visits >= limit:
            message = f"step {jump} was visited {visits} times, its max_visits is {limit}"
            return there, failure(StepErrorCode.VISIT_LIMIT, message, step=jump, max_visits=limit)
    return there, None


def _escalate_or_end(builder: TransitionBuilder, path: str, error: Error) -> None:
    index = escalation_index(builder, path, error)
    if index is None:
        end_in_failure(builder, path, error)
    else:
        _escalate(builder, path, error, index)


def escalated(builder: TransitionBuilder, execution: Execution, error: Error) -> bool:
    """Fail what the outermost list is at when time is over and go to the escalation, when there is one."""
    index = escalation_index(builder, execution.path, error)
    if index is None:
        return False
    give_up(builder, execution, error["message"], late=True)
    _escalate(builder, execution.path, error, index)
    return True


def _escalate(builder: TransitionBuilder, path: str, error: Error, index: int) -> None:
    forget_duration(builder)
    fail_and_go_to(builder, path, error, index)


def fail_and_go_to(builder: TransitionBuilder, path: str, error: Error, index: int) -> None:
    """A step ended badly, and its list goes on with the step at `index`."""
    _step_failed(builder, path, error, index)
    _after_step(builder, path)


def end_in_failure(builder: TransitionBuilder, path: str, error: Error) -> None:
    """A step ended badly, and its list with it, wherever the step would go on."""
    _step_failed(builder, path, error)
    forget_timeout(builder, path)
    _scope_failed(builder, scope_path_of(path), path, error)


def _scope_failed(builder: TransitionBuilder, scope_path: str, failed_path: str, error: Error) -> None:
    if not scope_path:
        if builder.state.cancel is None:  # else the cancel waited for this step's end, however it ended
            end_run(builder, RunFailed({**error, "step_id": error.get("step_id") or failed_path}))
        return
    builder.emit(BranchFailed(error), scope_path)
    parent_path = scope_path_of(scope_path)
    parent = builder.execution(parent_path)
    if parent is None:
        return
    holder = builder.step(parent_path)
    if holder.by_needs or (holder.joins_any and not _exhausted(parent)):
        launch(builder, parent_path)
        return
    if parent.branches is not None:
        cancel_below(builder, parent.branches, "a sibling failed")
    fail(builder, parent_path, {**error, "step_id": error.get("step_id") or failed_path})


def _exhausted(parent: Execution) -> bool:
    """True when no branch of a `join: any` step can succeed any more."""
    branches = parent.branches
    if branches is None:
        return True
    return not (branches.ended or branches.running) and branches.next_index >= branches.total


def advance(builder: TransitionBuilder, scope_path: str) -> None:
    """Start the scope's next step, or close the scope at its end."""
    scope = builder.scope(scope_path)
    if scope is None or scope.status is not ScopeStatus.RUNNING or scope.active is not None:
        return
    if builder.graph.steps_of(scope_path).at(scope.index) is None:
        _close(builder, scope)
    elif not is_held(builder.state):
        builder.effect(Prepare(current_path(builder.graph, scope)))


def _close(builder: TransitionBuilder, scope: Scope) -> None:
    if not scope.path:
        if builder.state.ending is not None:
            end_run(builder, own_end(builder.state.ending))
        elif not is_held(builder.state):
            builder.effect(PrepareOutput(scope.output))
        return
    builder.emit(BranchCompleted(), scope.path)
    launch(builder, scope_path_of(scope.path))


def launch(builder: TransitionBuilder, path: str) -> None:
    """Start what a composite step may start now, or collect its outputs when it has them all.

    In a run that is held neither happens yet; what counts no more is cancelled by a pause as well.
    """
    execution = builder.execution(path)
    if execution is None or execution.status is not StepStatus.RUNNING:
        return
    branches, held = execution.branches, is_held(builder.state)
    if branches is None:
        return
    if joined(builder.graph, execution, branches):
        if builder.state.cancel is None and not builder.step(path).by_needs:
            cancel_below(builder, branches, "another branch succeeded first")
        if not held:
            builder.effect(Collect(path, joined_value(builder.graph, execution, branches)))
    elif not held:
        for effect in open_below(builder.graph, execution, branches):
            builder.effect(effect)


def give_up(builder: TransitionBuilder, execution: Execution, reason: str, *, late: bool = False) -> None:
    """Stop what an active execution waits for or runs, before it is ended as failed.

    What it asks is withdrawn; where it is given up since its time is over (`late`) that has expired.
    """
    if execution.branches is not None:
        cancel_below(builder, execution.branches, reason, late=late)
    elif execution.is_in_flight:
        builder.effect(CancelStep(execution.path))
    elif execution.retry_at is not None:
        builder.effect(CancelTimer(timer_name(TimerKind.RETRY, execution.path)))
    elif execution.waits is not None and execution.status is StepStatus.WAITING:
        builder.effect(CancelTimer(execution.waits))
    elif execution.child_run_id is not None:
        verb = ChildVerb.CANCEL_LATE if late else ChildVerb.CANCEL_NOW
        builder.effect(SteerChild(execution.child_run_id, verb))
    elif execution.request_id is not None and execution.decision is None:
        asked = execution.request_id
        builder.emit(RequestExpired(asked) if late else RequestWithdrawn(asked, reason), execution.path)
        if execution.call:  # a call that awaits an answer has a timer of its own
            builder.effect(CancelTimer(timer_name(TimerKind.TIMEOUT, execution.path)))


def cancel_below(builder: TransitionBuilder, branches: Branches, reason: str, *, late: bool = False) -> None:
    """Cancel every branch that has not ended, with what it asked."""
    for _, child in sorted(branches.children.items()):
        if child.status is ScopeStatus.RUNNING:
            _cancel_scope(builder, child, reason, late=late)
            builder.emit(BranchCancelled(reason), child.path)


def _cancel_scope(builder: TransitionBuilder, scope: Scope, reason: str, *, late: bool) -> None:
    if scope.active is None:
        return
    cancel_execution(builder, scope.executions[scope.active], reason, late=late)


def cancel_execution(
    builder: TransitionBuilder, execution: Execution, reason: str, *, late: bool = False
) -> None:
    """End an active execution as CANCELLED and everything it started."""
    if execution.status in STEP_TERMINAL:
        return
    give_up(builder, execution, reason, late=late)
    forget_timeout(builder, execution.path)
    builder.emit(StepCancelled(reason), execution.path)


def cancel_waiting(builder: TransitionBuilder, reason: str, *, late: bool = False) -> None:
    """Cancel every leaf that only waits; a tool call under way is left to end or be stopped.

    A run that it started is told how the run ends, and is waited for where that is after a step.
    """
    after_step = builder.state.cancel is CancelMode.BOUNDARY
    for leaf in list(active_leaves(builder.state.root)):
        if after_step and leaf.child_run_id is not None and awaits_child(leaf):
            builder.effect(SteerChild(leaf.child_run_id, ChildVerb.CANCEL))
        elif not leaf.is_in_flight:
            cancel_execution(builder, leaf, reason, late=late)


def settle(builder: TransitionBuilder) -> None:
    """Finish a cancel or a pause once no tool call is under way any more.

    A cancel after the current steps also waits for the runs that these are.
    """
    state = builder.state
    if state.cancel is None and (state.paused or not state.pause_requested):
        return
    if state.phase is not Phase.ACTIVE or in_flight(state) or ends_after_children(state):
        return
    if state.cancel is not None:
        cancel_all(builder, "the run was cancelled")
        end_run(builder, RunCancelled(failure(StepErrorCode.CANCELLED, "the run was cancelled")))
    else:
        builder.emit(RunPaused())


def cancel_all(builder: TransitionBuilder, reason: str, *, late: bool = False) -> None:
    """Cancel whatever is active anywhere in the run."""
    root = builder.state.root
    if root.status is ScopeStatus.RUNNING and root.active is not None:
        cancel_execution(builder, root.executions[root.active], reason, late=late)


def end_run(builder: TransitionBuilder, end: RunEnd) -> None:
    """End the run; first come the steps that run in any case, and then it ends as was certain before them."""
    state = builder.state
    steps = builder.graph.steps_of("")
    if state.phase is Phase.ACTIVE and state.ending is None and steps.closing is not None:
        start_ending(builder, end, steps.end + 1)
        return
    builder.emit(end if state.ending is None else own_end(state.ending))
    forget_duration(builder)


def resume_work(builder: TransitionBuilder) -> None:
    """Ask for everything the run needs to move on (after a resume or a retry)."""
    for effect in outstanding(builder.graph, builder.state):
        builder.effect(effect)
