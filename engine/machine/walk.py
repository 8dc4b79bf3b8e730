"""Walking a state: what is active, what is in flight, what has to be prepared next."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from engine.contracts.flows.outside_agent import PERMISSION_TYPE, PROMPT_TYPE
from engine.contracts.status import CancelMode, RunStatus, StepStatus
from engine.machine.model.effects import Collect, Effect, Prepare, PrepareOutput
from engine.machine.model.needs import at_work, startable
from engine.machine.model.state import (
    Branches,
    Execution,
    Phase,
    RunState,
    Scope,
    ScopeStatus,
    find_execution,
    find_scope,
    outer_path_of,
    scope_path_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.contracts.flows.step import Step
    from engine.machine.model.graph import FlowGraph


UNDER_WAY = frozenset(
    {StepStatus.RUNNING, StepStatus.PENDING_HUMAN, StepStatus.PENDING_USER_INPUT, StepStatus.WAITING}
)


def active_leaves(scope: Scope) -> Iterator[Execution]:
    """Executions that have begun and not ended, without the composite ones around them."""
    if scope.status is not ScopeStatus.RUNNING or scope.active is None:
        return
    execution = scope.executions[scope.active]
    if execution.branches is not None:
        for child in execution.branches.children.values():
            yield from active_leaves(child)
    elif execution.status in UNDER_WAY:
        yield execution


def running_composites(scope: Scope) -> Iterator[Execution]:
    """Composite executions at work, outer ones first."""
    execution = scope.executions.get(scope.active) if scope.active is not None else None
    if (
        scope.status is ScopeStatus.RUNNING
        and execution is not None
        and execution.branches is not None
        and execution.status is StepStatus.RUNNING
    ):
        yield execution
        for child in execution.branches.children.values():
            yield from running_composites(child)


def awaits_child(execution: Execution) -> bool:
    """True while a run that it started is at work."""
    return (
        execution.child_run_id is not None
        and execution.status is StepStatus.RUNNING
        and execution.retry_at is None
    )


def ends_after_children(state: RunState) -> bool:
    """Whether the run is cancelled after the steps it is in, and one of these is a run that it started."""
    return state.cancel is CancelMode.BOUNDARY and any(map(awaits_child, active_leaves(state.root)))


def in_flight(state: RunState) -> list[Execution]:
    """Executions whose tool call is under way."""
    if state.phase is not Phase.ACTIVE:
        return []
    return [execution for execution in active_leaves(state.root) if execution.is_in_flight]


def is_held(state: RunState) -> bool:
    """Whether nothing new may start: the run is pausing, paused or being cancelled."""
    return state.pause_requested or state.paused or state.cancel is not None


def current_path(graph: FlowGraph, scope: Scope) -> str:
    """Path of the execution that the scope starts next (a reopened one keeps its path)."""
    step = graph.steps_of(scope.path).at(scope.index)
    if step is None:
        raise IndexError(f"{scope.path or 'the flow'} is at its end")
    prefix = f"{scope.path}/" if scope.path else ""
    old = scope.executions.get(step.id)
    if old is not None and old.status is StepStatus.NOT_STARTED:
        return old.path
    visit = scope.visits.get(step.id, 0) + 1
    return f"{prefix}{step.id}" if visit == 1 else f"{prefix}{step.id}~{visit}"


def launches(graph: FlowGraph, execution: Execution, branches: Branches) -> Iterator[Prepare]:
    """First steps of the branches or items that may start now."""
    step = graph.step_at(execution.path)
    needs = step.branch_needs
    if needs is None:
        running, waiting = branches.running, iter(range(branches.next_index, branches.total))
    else:
        running, waiting = sum(1 for _ in at_work(needs, branches)), startable(needs, branches)
    for index in islice(waiting, max(0, step.branches_at_once - running)):
        scope = f"{execution.path}/{index}"
        yield Prepare(f"{scope}/{graph.steps_of(scope).steps[0].id}")


def joined(graph: FlowGraph, execution: Execution, branches: Branches) -> bool:
    """True when a composite execution has all it waits for."""
    step = graph.step_at(execution.path)
    if step.joins_any:
        return bool(branches.ended)
    if step.over_with_first:
        return branches.outputs.holds(0)
    needs = step.branch_needs
    if needs is not None:
        return next(at_work(needs, branches), None) is None and next(startable(needs, branches), None) is None
    return branches.ended == branches.total


def outstanding(graph: FlowGraph, state: RunState) -> list[Effect]:
    """Everything that has to be prepared for the run to move on; empty when it waits or has ended."""
    if state.phase is not Phase.ACTIVE or is_held(state):
        return []
    return list(_outstanding(graph, state.root))


def _outstanding(graph: FlowGraph, scope: Scope) -> Iterator[Effect]:
    if scope.status is not ScopeStatus.RUNNING:
        return
    if scope.active is None:
        if graph.steps_of(scope.path).at(scope.index) is not None:
            yield Prepare(current_path(graph, scope))
        elif not scope.path:
            yield PrepareOutput(scope.output)
        return
    execution = scope.executions[scope.active]
    if execution.branches is not None and execution.status is StepStatus.RUNNING:
        if joined(graph, execution, execution.branches):
            yield Collect(execution.path, joined_value(graph, execution, execution.branches))
        else:
            yield from open_below(graph, execution, execution.branches)


def open_below(graph: FlowGraph, execution: Execution, branches: Branches) -> Iterator[Effect]:
    """What a running composite step that is not over may prepare now: branches as far as there is room.

    After a retry there can be more open branches than room; the later ones wait for their turn.
    """
    if branches.children:
        step = graph.step_at(execution.path)
        for child in islice(_to_be_worked(step, branches), step.branches_at_once):
            yield from _outstanding(graph, child)
    yield from launches(graph, execution, branches)


def _to_be_worked(step: Step, branches: Branches) -> Iterator[Scope]:
    needs = step.branch_needs
    if needs is not None:
        return (branches.children[index] for index in at_work(needs, branches))
    return (child for child in branches.children.values() if child.status is ScopeStatus.RUNNING)


def waits_for_needs(graph: FlowGraph, state: RunState, path: str) -> bool:
    """Whether the execution, which a retry opened again, stands in a branch whose turn has not come."""
    while scope_path := scope_path_of(path):
        path, _, index = scope_path.rpartition("/")
        holder, needs = find_execution(state.root, path), graph.step_at(path).branch_needs
        branches = holder.branches if holder is not None else None
        if needs is not None and branches is not None and int(index) not in at_work(needs, branches):
            return True
    return False


def joined_value(graph: FlowGraph, execution: Execution, branches: Branches) -> object:
    """What a composite step hands on: as its type joins the outputs, with `join: any` the first success."""
    step = graph.step_at(execution.path)
    if step.joins_any:
        return branches.outputs.first()
    return step.joined(execution.input, branches.outputs.items())


_LEAF_STATUS = {
    StepStatus.PENDING_HUMAN: RunStatus.PENDING_HUMAN,
    StepStatus.PENDING_USER_INPUT: RunStatus.PENDING_USER_INPUT,
    StepStatus.WAITING: RunStatus.WAITING,
}
_ORDER = (
    RunStatus.RUNNING,
    RunStatus.RETRYING,
    RunStatus.PENDING_HUMAN,
    RunStatus.PENDING_USER_INPUT,
    RunStatus.WAITING,
)


def run_status(state: RunState) -> RunStatus:
    """The run's status: of several branches the first that holds of PAUSED, RUNNING, RETRYING, PENDING_HUMAN,
    PENDING_USER_INPUT, WAITING."""
    if state.phase is Phase.NEW:
        return RunStatus.QUEUED
    if state.phase is not Phase.ACTIVE:
        return RunStatus(state.phase.value)
    if state.paused:
        return RunStatus.PAUSED
    return _status_of(_telling_leaves(state.root))


def _status_of(leaves: Iterable[Execution]) -> RunStatus:
    seen = [
        RunStatus.RETRYING if leaf.retry_at is not None else _LEAF_STATUS.get(leaf.status, RunStatus.RUNNING)
        for leaf in leaves
    ]
    return min(seen, key=_ORDER.index, default=RunStatus.RUNNING)


def _telling_leaves(root: Scope) -> list[Execution]:
    """The leaves that tell how the run stands: not a program that waits for a person's answer."""
    leaves = list(active_leaves(root))
    if len(leaves) == 1:
        return leaves
    asking = {
        outer_path_of(leaf.path)
        for leaf in leaves
        if leaf.type == PERMISSION_TYPE and leaf.status is StepStatus.PENDING_HUMAN
    }
    return [leaf for leaf in leaves if leaf.type != PROMPT_TYPE or outer_path_of(leaf.path) not in asking]


def status_and_leaf(state: RunState) -> tuple[RunStatus, Execution | None]:
    """The run's status, and one active execution to show as its current step: every commit asks for both."""
    if state.phase is not Phase.ACTIVE:
        return run_status(state), None
    leaves = _telling_leaves(state.root)
    status = RunStatus.PAUSED if state.paused else _status_of(leaves)
    return status, next(iter(leaves), None)


def scope_chain(root: Scope, path: str) -> list[Scope]:
    """The scopes around `path`, outermost first (what templates of a nested step may look at)."""
    if not path:
        return [root]
    parts = path.split("/")
    found = (find_scope(root, "/".join(parts[:end])) for end in range(0, len(parts) + 1, 2))
    return [scope for scope in found if scope is not None]
