"""The one table of transitions: phase of the run x kind of input -> what happens.

Anything that has no row is `invalid_transition`. `late` rows are inputs that may arrive after
what they speak of has ended (a tool's answer, a timer, a child's end): they change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode, StepStatus
from engine.errors import InvalidTransition
from engine.frozen import frozen
from engine.machine import verbs
from engine.machine.control import fail, settle, skip
from engine.machine.events.fold import counted
from engine.machine.events.run_facts import GovernanceDecision
from engine.machine.model import inputs
from engine.machine.model.effects import Prepare
from engine.machine.model.state import Phase, RunState, ScopeStatus, find_scope, scope_path_of
from engine.machine.steps import attempts, composite, subflow
from engine.machine.steps.limits import over_limit
from engine.machine.steps.outside.prompt import permission_asked
from engine.machine.steps.people import human_approval, outcome, user_input
from engine.machine.steps.people.gate import check_gate
from engine.machine.steps.registry import STEP_KINDS
from engine.machine.transition_builder import TransitionBuilder, failure
from engine.machine.walk import current_path, is_held, joined, launches

if TYPE_CHECKING:
    from engine.contracts.flows.step import Step
    from engine.machine.events.event import Event
    from engine.machine.model.effects import Effect
    from engine.machine.model.graph import FlowGraph

Handler = Callable[[TransitionBuilder, Any], None]


@frozen
class Transition:
    """What an input did: the new state, the events that made it, what the runtime has to do."""

    state: RunState
    events: list[Event]
    effects: list[Effect]


def _prepared(builder: TransitionBuilder, given: inputs.StepPrepared) -> None:
    """A step's data is rendered: start it, skip it, or fail it; out-of-date preparations change nothing."""
    path = given.path
    if is_held(builder.state) or not _is_next(builder, path):
        return
    step = builder.step(path)
    if given.verdict is not None and given.error is not None:
        builder.emit(GovernanceDecision(**given.verdict), path)
    error = given.error or (over_limit(builder, step, given) if given.run else None)
    if error is not None:
        fail(builder, path, error)
    elif not given.run:
        skip(builder, path)
    else:
        _start(builder, step, given)


def _start(builder: TransitionBuilder, step: Step, given: inputs.StepPrepared) -> None:
    kind = STEP_KINDS.get(step.type)
    if kind is None:
        message = f"step {step.id}: this version knows no step type {step.type}"
        fail(builder, given.path, failure(StepErrorCode.UNKNOWN_STEP_TYPE, message, type=step.type))
        return
    may_start, approval = check_gate(builder, given)
    if may_start:
        kind.start(builder, step, given, approval)


def _is_next(builder: TransitionBuilder, path: str) -> bool:
    """Whether the step may start now; branches start in order, as they were asked for."""
    scope_path = scope_path_of(path)
    scope = find_scope(builder.state.root, scope_path)
    if scope is None:
        parent = builder.execution(scope_path_of(scope_path))
        branches = parent.branches if parent is not None else None
        if (
            parent is None
            or branches is None
            or parent.status is not StepStatus.RUNNING
            or joined(builder.graph, parent, branches)
        ):
            return False
        allowed = launches(builder.graph, parent, branches)
        if builder.step(parent.path).by_needs:  # what came first may have let others begin before it
            return Prepare(path) in allowed
        first = next(allowed, None)
        return first is not None and first.path == path
    return (
        scope.status is ScopeStatus.RUNNING
        and scope.active is None
        and builder.graph.steps_of(scope_path).at(scope.index) is not None
        and current_path(builder.graph, scope) == path
    )


def _late(_builder: TransitionBuilder, _given: inputs.Input) -> None:
    """It speaks of something that has ended: nothing changes."""


def _already(_builder: TransitionBuilder, _given: inputs.Input) -> None:
    """The run is already so: nothing changes, the verb answers `changed: false`."""


_LATE: dict[type[inputs.Input], Handler] = {
    inputs.StepPrepared: _late,
    inputs.Collected: _late,
    inputs.OutputPrepared: _late,
    inputs.StepFinished: attempts.spent,
    inputs.PermissionAsked: _late,
    inputs.StepInterrupted: _late,
    inputs.StepPutBack: _late,
    inputs.CallHeldBack: _late,
    inputs.RequestDecided: _late,
    inputs.FormSubmitted: _late,
    inputs.OutcomeDecided: _late,
    inputs.TimerFired: _late,
    inputs.ChildEnded: _late,
}

TABLE: dict[Phase, dict[type[inputs.Input], Handler]] = {
    Phase.NEW: {},
    Phase.QUEUED: {
        inputs.Start: verbs.start,
        inputs.Pause: verbs.pause_queued,
        inputs.Resume: _already,
        inputs.Cancel: verbs.cancel_queued,
        inputs.Narrow: verbs.narrow,
        inputs.Tell: verbs.tell,
    },
    Phase.ACTIVE: {
        inputs.StepPrepared: _prepared,
        inputs.Collected: composite.collected,
        inputs.OutputPrepared: verbs.output_prepared,
        inputs.StepFinished: attempts.finished,
        inputs.PermissionAsked: permission_asked,
        inputs.StepInterrupted: attempts.interrupted,
        inputs.StepPutBack: attempts.put_back,
        inputs.CallHeldBack: verbs.held_back,
        inputs.RequestDecided: human_approval.decided,
        inputs.FormSubmitted: user_input.submitted,
        inputs.OutcomeDecided: outcome.outcome_decided,
        inputs.TimerFired: verbs.timer_fired,
        inputs.ChildEnded: subflow.ended,
        inputs.Pause: verbs.pause,
        inputs.Resume: verbs.resume,
        inputs.Cancel: verbs.cancel,
        inputs.Narrow: verbs.narrow,
        inputs.Tell: verbs.tell,
    },
    Phase.COMPLETED: {**_LATE, inputs.OutputWritten: verbs.output_written},
    Phase.FAILED: {**_LATE, inputs.OutputWritten: verbs.output_written, inputs.Retry: verbs.retry},
    Phase.CANCELLED: {**_LATE, inputs.OutputWritten: verbs.output_written, inputs.Cancel: _already},
    Phase.DEAD_LETTER: {**_LATE, inputs.OutputWritten: verbs.output_written, inputs.Retry: verbs.retry},
}


def transition(graph: FlowGraph, state: RunState, given: inputs.Input) -> Transition:
    """What `given` does to the run; pure. Raises InvalidTransition when the table has no row for it."""
    handler = TABLE[state.phase].get(type(given))
    if handler is None:
        verb = type(given).__name__.lower()
        raise InvalidTransition(
            f"a run that is {state.phase.value} takes no {verb}", {"status": state.phase.value, "verb": verb}
        )
    builder = TransitionBuilder(graph, state, given)
    handler(builder, given)
    settle(builder)
    made = counted(builder.state, state, len(builder.events))
    return Transition(made, builder.events, builder.effects)
