"""Placing what an event speaks of in the tree of scopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepStatus
from engine.errors import InvalidTransition
from engine.frozen import replace
from engine.machine.model.state import (
    Execution,
    RunState,
    Scope,
    ScopeStatus,
    find_execution,
    find_scope,
    put_execution,
    put_scope,
    scope_path_of,
    segments,
)

if TYPE_CHECKING:
    from engine.machine.events.event import Event

EMPTY: tuple[Any, ...] = (None, {}, [], "")


def path_of(event: Event) -> str:
    """The path the event names. Raises InvalidTransition when it names none."""
    if event.step_id is None:
        raise InvalidTransition(f"{event.kind} names no step")
    return event.step_id


def execution_of(state: RunState, event: Event) -> Execution:
    """The execution the event speaks of. Raises InvalidTransition when it is not there."""
    found = find_execution(state.root, path_of(event))
    if found is None:
        raise InvalidTransition(f"{event.kind}: there is no execution {event.step_id}")
    return found


def scope_around(state: RunState, event: Event) -> Scope:
    """The scope that the event's execution lies in. Raises InvalidTransition when it is not there."""
    path = scope_path_of(path_of(event))
    scope = find_scope(state.root, path)
    if scope is None:
        raise InvalidTransition(f"{event.kind}: there is no scope {path!r}")
    return scope


def amend(state: RunState, event: Event, **changes: Any) -> RunState:
    """The state with some fields of the event's execution changed."""
    changed = replace(execution_of(state, event), **changes)
    return replace(state, root=put_execution(state.root, changed))


def with_turns(state: RunState, event: Event, turns: int, kept: int | None = None) -> RunState:
    """The event's execution with so many turns to work through, and what the last `kept` ended ones brought.

    Raises InvalidTransition without any.
    """
    branches = execution_of(state, event).branches
    if branches is None:
        raise InvalidTransition(f"{event.kind}: {event.step_id} has no turns")
    added = replace(branches, total=turns)
    return amend(state, event, branches=added if kept is None else added.keeping(kept))


def start(root: Scope, execution: Execution) -> Scope:
    """Place a new execution and make it its scope's active one, counting the visit."""
    path = scope_path_of(execution.path)
    scope = find_scope(root, path) or Scope(path=path)
    visit = int(execution.path.rpartition("~")[2]) if "~" in segments(execution.path)[-1] else 1
    ended = execution.status is StepStatus.SKIPPED
    changed = replace(
        scope,
        active=None if ended else execution.step,
        executions={**scope.executions, execution.step: execution},
        visits={**scope.visits, execution.step: visit},
    )
    return put_scope(root, path, changed)


def end(
    state: RunState, execution: Execution, following: int | None, *, result: bool, said: bool = False
) -> RunState:
    """Place an ended execution and move its scope on to index `following`; None marks the scope failed.

    With `result` its output counts as what the scope has to show; what a person `said` only as long as the
    scope has nothing else.
    """
    path = scope_path_of(execution.path)
    scope = find_scope(state.root, path) or Scope(path=path)
    visits = scope.visits if execution.step in scope.visits else {**scope.visits, execution.step: 1}
    changes: dict[str, Any] = {
        "visits": visits,
        "executions": {**scope.executions, execution.step: execution},
    }
    if following is not None:
        changes |= {"active": None, "index": following}
    else:
        changes |= {"active": execution.step, "status": ScopeStatus.FAILED, "error": execution.error}
    counts = result and execution.output not in EMPTY
    if counts and (not said or scope.said or scope.output is None):
        changes |= {"output": execution.output, "said": said}
    changed = replace(scope, **changes)
    return replace(state, root=put_scope(state.root, path, changed))


def consume_approval(root: Scope, approval: Execution, path: str) -> Scope:
    """The approval is used by the execution at `path`; what was voided before it counts no more."""
    scope_path = scope_path_of(approval.path)
    scope = find_scope(root, scope_path) or Scope(path=scope_path)
    voided = {step: times for step, times in scope.voided.items() if step != approval.step}
    executions = {**scope.executions, approval.step: replace(approval, consumed_by=path)}
    return put_scope(root, scope_path, replace(scope, executions=executions, voided=voided))
