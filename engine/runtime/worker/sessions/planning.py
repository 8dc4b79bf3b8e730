"""Planning a commit: inputs through the machine, with everything rendered that has to be, no I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.contracts.status import CancelMode
from engine.errors import InvalidTransition
from engine.frozen import replace
from engine.machine.model.effects import (
    CancelStep,
    CancelTimer,
    ChildVerb,
    Collect,
    Effect,
    Prepare,
    PrepareOutput,
    RunStep,
    SetTimer,
    StartChild,
    SteerChild,
)
from engine.machine.model.inputs import (
    Cancel,
    ChildEnded,
    Input,
    Narrow,
    OutputWritten,
    Pause,
    Resume,
    Retry,
    Start,
    Tell,
)
from engine.machine.model.state import find_execution
from engine.machine.table import transition
from engine.machine.walk import run_status
from engine.runtime.worker.steps.joining import prepare_joined
from engine.runtime.worker.steps.run_output import prepare_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.machine.events.event import Event
    from engine.machine.model.state import RunState
    from engine.runtime.worker.steps.preparation import Preparer

VERBS = (Pause, Resume, Cancel, Retry, Narrow, Tell)
PREPARATIONS = (Prepare, Collect, PrepareOutput)
LATE = (*VERBS, Start, OutputWritten)
"""Inputs that change nothing when the run has moved on before they were taken in."""
PREPARED_AT_ONCE = 200
"""Preparations in one commit; a longer row of them goes on in the next one."""


@dataclass(slots=True)
class Plan:
    """What one commit will hold."""

    state: RunState
    events: list[Event] = field(default_factory=list)
    run_steps: list[RunStep] = field(default_factory=list)
    cancel_steps: list[CancelStep] = field(default_factory=list)
    timers: dict[str, int | None] = field(default_factory=dict)
    start_children: list[StartChild] = field(default_factory=list)
    steer_children: list[SteerChild] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    left_over: list[Effect] = field(default_factory=list)


def make_plan(
    preparer: Preparer,
    state: RunState,
    inputs: Sequence[Input],
    wanted: Sequence[Effect],
    now: int,
    last: int,
    *,
    budget: int = PREPARED_AT_ONCE,
) -> Plan:
    """Feed `inputs` and the preparations they ask for (`wanted` first), at most `budget` of these.

    Nothing is planned to have happened before the run's `last` event, though the clock may have been set back
    since; what is to come is planned by the clock. What came too late for its run changes nothing. Raises
    BlobNeeded.
    """
    plan = Plan(state)
    verbs = deque([given for given in inputs if isinstance(given, VERBS)])
    waiting = deque([given for given in inputs if not isinstance(given, VERBS)] if verbs else inputs)
    preparations: dict[tuple[str, str], Effect] = {_key(effect): effect for effect in wanted}
    done = 0
    while verbs or preparations or waiting:
        given: Input
        if verbs:  # what an operator said holds before anything new starts
            given = verbs.popleft()
        elif preparations and done < budget:
            effect = preparations.pop(next(iter(preparations)))
            given = _prepare(preparer, plan, effect, now)
            done += 1
        elif waiting:
            given = waiting.popleft()
        else:
            break
        if given.now < last:
            given = replace(given, now=last, set_back=max(0, last - max(now, given.now)))
        try:
            step = transition(preparer.flow.graph, plan.state, given)
        except InvalidTransition:
            if not isinstance(given, LATE):
                raise
            continue
        plan.state = step.state
        plan.events += step.events
        last = step.events[-1].ts if step.events else last
        for effect in step.effects:
            if isinstance(effect, PREPARATIONS):
                preparations[_key(effect)] = effect
            else:
                _note(plan, effect)
    plan.left_over = list(preparations.values())
    plan.blobs |= preparer.made
    return plan


def _key(effect: Effect) -> tuple[str, str]:
    return type(effect).__name__, getattr(effect, "path", "")


def _prepare(preparer: Preparer, plan: Plan, effect: Effect, now: int) -> Input:
    if isinstance(effect, Prepare):
        return preparer.prepare(plan.state, effect.path, now)
    if isinstance(effect, Collect):
        collected, blobs = prepare_joined(effect.path, effect.value, now, preparer.values, preparer.flow)
        plan.blobs |= blobs
        return collected
    if isinstance(effect, PrepareOutput):
        given, blobs = prepare_output(effect.value, now, preparer.values, preparer.flow)
        plan.blobs |= blobs
        return given
    raise TypeError(f"{effect} is no preparation")


def _note(plan: Plan, effect: Effect) -> None:
    match effect:
        case RunStep():
            plan.run_steps.append(effect)
        case CancelStep():
            plan.run_steps = [step for step in plan.run_steps if step.path != effect.path]
            plan.cancel_steps.append(effect)
        case SetTimer():
            plan.timers[effect.timer] = effect.due
        case CancelTimer():
            plan.timers[effect.timer] = None
        case StartChild():
            plan.start_children.append(effect)
        case SteerChild():
            plan.steer_children.append(effect)


def steering_input(effect: SteerChild, now: int) -> Input:
    """The verb a parent passes on to its child."""
    match effect.verb:
        case ChildVerb.PAUSE:
            return Pause(now=now, actor="parent run")
        case ChildVerb.RESUME:
            return Resume(now=now, actor="parent run")
        case ChildVerb.CANCEL:
            return Cancel(now=now, actor="parent run", mode=CancelMode.BOUNDARY)
        case ChildVerb.CANCEL_NOW:
            return Cancel(now=now, actor="parent run", mode=CancelMode.NOW)
        case ChildVerb.CANCEL_LATE:
            return Cancel(now=now, actor="parent run", mode=CancelMode.NOW, late=True)


def report_to_parent(state: RunState, run_id: str, path: str, now: int) -> ChildEnded:
    """What the end of a run tells the one that started it at `path`."""
    return ChildEnded(
        now=now,
        path=path,
        child_run_id=run_id,
        status=run_status(state).value,
        output=state.output,
        error=state.error,
    )


def unrepeatable(plan: Plan) -> frozenset[str]:
    """Calls that the plan starts and that must not be made twice."""
    if not plan.run_steps:
        return frozenset()
    found = [find_execution(plan.state.root, step.path) for step in plan.run_steps]
    return frozenset([one.path for one in found if one is not None and one.ask_when_lost])


def step_type(plan: Plan) -> str:
    """The type of the step that the plan's last event speaks of, for faults that are put in."""
    for event in reversed(plan.events):
        if event.step_id is not None:
            execution = find_execution(plan.state.root, event.step_id)
            if execution is not None:
                return execution.type
    return "run"
