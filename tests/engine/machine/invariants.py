"""What holds after every transition of every run."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.status import RUN_TERMINAL, CancelMode, StepStatus
from engine.machine.events.fold import fold
from engine.machine.events.run_facts import RUN_END, OutputWritten, RunRetried
from engine.machine.events.step_facts import (
    AttemptStarted,
    CallChanged,
    StepCancelled,
    StepCompleted,
    StepFailed,
    StepSkipped,
    StepStarted,
    SubflowRetryDue,
)
from engine.machine.model import inputs
from engine.machine.model.codec import state_from_json, state_to_json
from engine.machine.model.effects import CancelStep, Collect, Prepare, PrepareOutput, RunStep, StartChild
from engine.machine.model.state import Phase, ScopeStatus, find_execution
from engine.machine.walk import (
    active_leaves,
    ends_after_children,
    in_flight,
    is_held,
    outstanding,
    run_status,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.machine.events.event import Event
    from engine.machine.model.effects import Effect
    from engine.machine.model.state import Execution, RunState, Scope
    from tests.engine.machine.simulation import Simulation

UNDER_WAY = {
    StepStatus.RUNNING,
    StepStatus.PENDING_HUMAN,
    StepStatus.PENDING_USER_INPUT,
    StepStatus.WAITING,
}
PREPARED = (Prepare, Collect, PrepareOutput)
STARTS = {StepStarted.kind, AttemptStarted.kind}
STEP_END = {StepCompleted.kind, StepFailed.kind, StepCancelled.kind, StepSkipped.kind}


@dataclass(frozen=True, slots=True)
class Change:
    """One transition: the state before it, its input, events and effects."""

    before: RunState
    after: RunState
    given: inputs.Input
    events: list[Event]
    effects: list[Effect]


def check(run: Simulation, change: Change) -> None:
    """All invariants; each fails with its own words."""
    _check_history(run)
    _check_tree(run)
    _check_requests(run)
    _check_work(run)
    _check_holding(run.state)
    _check_timers(run)
    _check_change(run.state, change)
    _check_outstanding(run)
    _check_approvals_spent_once(run.events)
    _check_nothing_acts_twice_unasked(change)
    _check_steps_begin_and_end(run.events)


def scopes(scope: Scope) -> Iterator[Scope]:
    """Every scope that the state still holds, live or not."""
    yield scope
    for execution in scope.executions.values():
        for child in children(execution):
            yield from scopes(child)


def children(execution: Execution) -> Iterator[Scope]:
    if execution.branches is not None:
        yield from execution.branches.children.values()


def executions(root: Scope) -> Iterator[Execution]:
    for scope in scopes(root):
        yield from scope.executions.values()


def _live(scope: Scope) -> Iterator[Execution]:
    """Executions reached through what is active."""
    if scope.status is not ScopeStatus.RUNNING or scope.active is None:
        return
    execution = scope.executions[scope.active]
    yield execution
    if execution.status is StepStatus.RUNNING:
        for child in children(execution):
            yield from _live(child)


def _at_work(scope: Scope) -> bool:
    return any(execution.branches is None for execution in _live(scope))


def _check_history(run: Simulation) -> None:
    state = run.state
    assert fold(run.events) == state, "folding the events does not give the state"
    assert state.run_seq == len(run.events), "run_seq is not the number of events"
    assert state_from_json(json.loads(json.dumps(state_to_json(state)))) == state, "the codec loses something"
    terminal = state.phase not in {Phase.NEW, Phase.QUEUED, Phase.ACTIVE}
    assert (run_status(state) in RUN_TERMINAL) is terminal
    ends = 0
    for event in run.events:
        assert ends == 0 or event.kind in {OutputWritten.kind, RunRetried.kind}, (
            f"{event.kind} after the run's end"
        )
        ends = 0 if isinstance(event.fact, RunRetried) else ends + (event.kind in RUN_END)


def _check_tree(run: Simulation) -> None:
    state = run.state
    for scope in scopes(state.root):
        at_end = scope.active is None and scope.index >= len(run.graph.steps_of(scope.path).steps)
        assert not (scope.path and scope.status is ScopeStatus.RUNNING and at_end), (
            f"{scope.path} runs at its end"
        )
    under_way = {execution.path for execution in executions(state.root) if execution.status in UNDER_WAY}
    if state.phase is Phase.ACTIVE:
        lost = under_way - {execution.path for execution in _live(state.root)}
        assert not lost, f"{lost} are under way but nothing leads to them"
    else:
        assert not under_way, f"{under_way} are under way in a run that is {state.phase}"
    for execution in executions(state.root):
        step = run.graph.step_at(execution.path)
        policy = step.retry_policy
        budget = policy.max_attempts if policy is not None else 1
        assert execution.attempt - execution.budget_from <= budget, f"{execution.path} has too many attempts"
        most = budget * (1 + state.retries)
        assert execution.attempt <= most, f"{execution.path} has too many attempts for its retries"
        if execution.branches is not None and execution.status is StepStatus.RUNNING:
            at_work = sum(1 for child in children(execution) if _at_work(child))
            assert at_work <= step.branches_at_once, f"{execution.path} runs too much at once"


def _check_requests(run: Simulation) -> None:
    pending = Counter(run.requests.pending.keys())
    waiting = Counter(
        execution.request_id
        for execution in executions(run.state.root)
        if execution.status in UNDER_WAY and execution.request_id is not None and execution.decision is None
    )
    assert pending == waiting, f"requests {dict(pending)} are open, executions wait for {dict(waiting)}"


def _check_work(run: Simulation) -> None:
    """The runtime's calls and child runs are exactly those the state waits for."""
    expected = {(execution.path, execution.attempt) for execution in in_flight(run.state)}
    calls = set(run.calls.items())
    assert calls <= expected, f"calls {calls - expected} run for nothing"
    being_stopped = set(run.stopping) if run.state.cancel is CancelMode.NOW else set()
    assert expected <= calls | being_stopped | run.interrupted, f"nobody runs {expected - calls}"
    waited_for = {
        execution.child_run_id
        for execution in executions(run.state.root)
        if execution.type == "subflow" and execution.status in UNDER_WAY and execution.retry_at is None
    }
    told = {given.child_run_id for given in run.mail if isinstance(given, inputs.ChildEnded)}
    assert waited_for - told == set(run.children) - told, "child runs are not those that are waited for"


def _check_holding(state: RunState) -> None:
    """A pause or a cancel waits for calls under way, a cancel after them for runs below too, and for nothing
    else."""
    waits = state.cancel is not None or (state.pause_requested and not state.paused)
    if waits and state.phase is Phase.ACTIVE:
        assert in_flight(state) or ends_after_children(state), (
            "a run that is held waits for nothing and is neither paused nor cancelled"
        )


def _check_timers(run: Simulation) -> None:
    live = {e.path: e for e in _live(run.state.root) if e.status in UNDER_WAY}
    for timer in run.timers:
        what, _, path = timer.partition(":")
        execution = live.get(path)
        if what == "retry":
            assert execution is not None, f"{timer} was forgotten"
            assert execution.retry_at is not None, f"{timer} was forgotten"
        elif what in {"wait", "until"}:
            assert execution is not None, f"{timer} was forgotten"
            assert execution.waits == timer, f"{timer} was forgotten"
        elif what == "timeout":
            assert execution is not None, f"{timer} was forgotten"
            assert execution.decision is None, f"{timer} was forgotten"
        else:
            assert run.state.phase is Phase.ACTIVE, f"{timer} was forgotten"
    if run.state.phase is not Phase.ACTIVE:
        return
    told = {given.timer for given in run.mail if isinstance(given, inputs.TimerFired)}
    timers = set(run.timers) | told
    for leaf in active_leaves(run.state.root):
        if leaf.retry_at is not None and not is_held(run.state):
            assert f"retry:{leaf.path}" in timers, f"nobody wakes {leaf.path}"
        if leaf.status is StepStatus.WAITING:
            assert leaf.waits in timers, f"nobody wakes {leaf.path}"
    for execution in _live(run.state.root):
        step = run.graph.step_at(execution.path)
        watched = step.timeout is not None and execution.type != "tool" and execution.status in UNDER_WAY
        if watched and execution.decision is None and execution.retry_at is None:
            assert f"timeout:{execution.path}" in timers, f"nobody watches the timeout of {execution.path}"


def _check_change(state: RunState, change: Change) -> None:
    before, kinds = change.before, {event.kind for event in change.events}
    for name in ("steps_executed", "tool_calls", "tokens_used", "cost", "unpriced"):
        assert getattr(state.counters, name) >= getattr(before.counters, name), f"{name} went down"
    if is_held(before) and not isinstance(change.given, inputs.Resume | inputs.Retry):
        started = kinds & STARTS or [e for e in change.effects if isinstance(e, StartChild)]
        assert not started, f"{started} although the run is held"
        if before.paused:
            assert not [e for e in change.effects if isinstance(e, RunStep)], "a paused run called a tool"
    if is_held(state):
        assert not [e for e in change.effects if isinstance(e, PREPARED)], "a held run prepares something"
    if before.phase is Phase.ACTIVE and state.phase is not Phase.ACTIVE:
        stopped = {effect.path for effect in change.effects if isinstance(effect, CancelStep)}
        ended = {event.step_id for event in change.events if event.kind in STEP_END}
        for execution in in_flight(before):
            assert execution.path in stopped | ended, f"{execution.path} was left running"


def _check_outstanding(run: Simulation) -> None:
    asked = outstanding(run.graph, run.state)
    assert not (asked and is_held(run.state)), "a held run asks for more"
    begun = {e.path: e.status for e in executions(run.state.root) if e.status is not StepStatus.NOT_STARTED}
    paths = [effect.path for effect in asked if isinstance(effect, Prepare)]
    assert len(paths) == len(set(paths)), "the same step is asked for twice"
    assert not set(paths) & set(begun), "what has begun is asked for again"
    if run.eager and run.state.phase is Phase.ACTIVE and not run.preparations:
        assert not asked, f"{asked} is outstanding and nobody was told"


def _check_approvals_spent_once(events: list[Event]) -> None:
    spent: set[str] = set()
    for event in events:
        approval = event.payload.get("approval") if isinstance(event.fact, StepStarted) else None
        if approval is not None:
            assert approval not in spent, f"{approval} was spent twice"
            spent.add(approval)


def _check_nothing_acts_twice_unasked(change: Change) -> None:
    """A call that must not be made twice begins with its start, an attempt, or a person's word.

    One that certainly had not begun begins with that knowledge.
    """
    begun = {event.step_id for event in change.events if event.kind in STARTS}
    said = isinstance(change.given, inputs.OutcomeDecided | inputs.RequestDecided | inputs.Resume)
    said |= isinstance(change.given, inputs.StepInterrupted) and not change.given.begun
    for effect in change.effects:
        execution = find_execution(change.after.root, effect.path) if isinstance(effect, RunStep) else None
        if execution is not None and execution.ask_when_lost:
            assert execution.path in begun or said, f"{execution.path} acts again and nobody was asked"


def _check_steps_begin_and_end(events: list[Event]) -> None:
    """Each start of an execution has one end before its next start.

    A due retry of a subflow starts it again, and so does a changed call. A retry of the run opens failed
    composite steps without starting them again, so these may end once more.
    """
    open_steps: set[str] = set()
    broken_composites: set[str] = set()
    reopened: set[str] = set()
    composites: set[str] = set()
    for event in events:
        path = event.step_id or ""
        if isinstance(event.fact, StepStarted):
            assert path not in open_steps, f"{path} was started twice"
            open_steps.add(path)
            if "total" in event.payload:
                composites.add(path)
        elif event.kind in {StepCompleted.kind, StepCancelled.kind}:
            assert path in open_steps | reopened, f"{path}: {event.kind} without a start"
        elif isinstance(event.fact, RunRetried):
            reopened, broken_composites = reopened | broken_composites, set()
        if event.kind in STEP_END or isinstance(event.fact, SubflowRetryDue | CallChanged):
            open_steps.discard(path)
            reopened.discard(path)
            if path in composites and event.kind in {StepFailed.kind, StepCancelled.kind}:
                broken_composites.add(path)
