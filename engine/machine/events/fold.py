"""The fold: `evolve(state, event) -> state`, pure. Folding a run's events always gives its state.

It needs no flow definition: where a run goes next was decided when the event was made and stands
in its payload (`next`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import CancelMode, StepStatus
from engine.errors import InvalidTransition
from engine.machine.events.event import Event, Kind
from engine.machine.events.placing import begin, spend
from engine.machine.events.reopen import reopen
from engine.machine.model.copying import replace
from engine.machine.model.state import (
    Execution,
    Phase,
    RunState,
    Scope,
    ScopeStatus,
    find_execution,
    find_scope,
    put_execution,
    put_scope,
    scope_path_of,
    step_id_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EMPTY: tuple[Any, ...] = (None, {}, [], "")


def evolve(state: RunState, event: Event) -> RunState:
    """The state after `event`. Raises InvalidTransition when the event does not fit the state."""
    changed = _EVOLVERS[event.kind](state, event)
    return replace(changed, run_seq=state.run_seq + 1)


def fold(events: Iterable[Event], state: RunState | None = None) -> RunState:
    """The state after all `events`, from `state` or from nothing."""
    current = state or RunState()
    for event in events:
        current = evolve(current, event)
    return current


def _path(event: Event) -> str:
    if event.step_id is None:
        raise InvalidTransition(f"{event.kind} names no step")
    return event.step_id


def _execution(state: RunState, event: Event) -> Execution:
    found = find_execution(state.root, _path(event))
    if found is None:
        raise InvalidTransition(f"{event.kind}: there is no execution {event.step_id}")
    return found


def _scope_around(state: RunState, event: Event) -> Scope:
    path = scope_path_of(_path(event))
    scope = find_scope(state.root, path)
    if scope is None:
        raise InvalidTransition(f"{event.kind}: there is no scope {path!r}")
    return scope


def _queued(state: RunState, event: Event) -> RunState:
    given = event.payload
    return replace(state, phase=Phase.QUEUED, payload=given.get("input"), handoff=given.get("handoff"))


def _refused(state: RunState, event: Event) -> RunState:
    return replace(state, phase=Phase.FAILED, error=event.payload["error"], documented=True)


def _started(state: RunState, _event: Event) -> RunState:
    return replace(state, phase=Phase.ACTIVE)


def _step_started(state: RunState, event: Event) -> RunState:
    path, payload = _path(event), event.payload
    step_type = payload["type"]
    old = find_execution(state.root, path)
    execution = Execution(
        path=path,
        step_id=step_id_of(path),
        type=step_type,
        status=StepStatus.RUNNING,
        attempt=payload.get("attempt", 1),
        budget_from=payload.get("budget_from", 0),
        recoveries=old.recoveries if old else 0,
        input=payload.get("input"),
        total=payload.get("total", 0),
        child_run_id=payload.get("child_run_id"),
        children=old.children if old else {},
        outputs=old.outputs if old else {},
        next_index=old.next_index if old else 0,
    )
    counters = replace(
        state.counters,
        steps_executed=state.counters.steps_executed + 1,
        tool_calls=state.counters.tool_calls + (step_type == "tool"),
    )
    changed = replace(state, root=begin(state.root, execution), counters=counters)
    approval = find_execution(changed.root, payload["approval"]) if "approval" in payload else None
    if approval is not None:
        changed = replace(changed, root=spend(changed.root, approval, path))
    return changed


def _end(state: RunState, execution: Execution, payload: dict[str, Any]) -> RunState:
    """Place an ended execution and move its scope to `next`, or mark the scope failed."""
    path = scope_path_of(execution.path)
    scope = find_scope(state.root, path) or Scope(path=path)
    visits = scope.visits if execution.step_id in scope.visits else {**scope.visits, execution.step_id: 1}
    changes: dict[str, Any] = {
        "visits": visits,
        "executions": {**scope.executions, execution.step_id: execution},
    }
    if "next" in payload:
        changes |= {"active": None, "index": payload["next"]}
    else:
        changes |= {"active": execution.step_id, "status": ScopeStatus.FAILED, "error": execution.error}
    is_result = execution.type != "human_approval" or payload.get("result", False)
    if is_result and execution.output not in EMPTY:
        changes["output"] = execution.output
    changed = replace(scope, **changes)
    return replace(state, root=put_scope(state.root, path, changed))


def _step_completed(state: RunState, event: Event) -> RunState:
    execution = _execution(state, event)
    done = replace(
        execution,
        status=StepStatus.COMPLETED,
        output=event.payload.get("output"),
        error=None,
        retry_at=None,
        children={},
        outputs={},
    )
    return _end(state, done, event.payload)


def _step_failed(state: RunState, event: Event) -> RunState:
    path = _path(event)
    old = find_execution(state.root, path)
    if old is None:  # it failed before it could start, while its data was rendered
        old = Execution(
            path=path, step_id=step_id_of(path), type=event.payload["type"], status=StepStatus.NOT_STARTED
        )
        state = replace(state, root=begin(state.root, old))
    failed = replace(old, status=StepStatus.FAILED, error=event.payload["error"], retry_at=None)
    return _end(state, failed, event.payload)


def _step_skipped(state: RunState, event: Event) -> RunState:
    path = _path(event)
    skipped = Execution(
        path=path, step_id=step_id_of(path), type=event.payload["type"], status=StepStatus.SKIPPED
    )
    return _end(replace(state, root=begin(state.root, skipped)), skipped, event.payload)


def _step_cancelled(state: RunState, event: Event) -> RunState:
    execution = replace(_execution(state, event), status=StepStatus.CANCELLED, retry_at=None)
    return replace(state, root=put_execution(state.root, execution))


def _amend(**changes: Callable[[Event], Any]) -> Callable[[RunState, Event], RunState]:
    """An evolver that only changes fields of the execution named by the event."""

    def apply(state: RunState, event: Event) -> RunState:
        values = {name: value(event) for name, value in changes.items()}
        return replace(state, root=put_execution(state.root, replace(_execution(state, event), **values)))

    return apply


def _attempt_started(state: RunState, event: Event) -> RunState:
    execution = replace(_execution(state, event), attempt=event.payload["attempt"], retry_at=None)
    counters = replace(state.counters, tool_calls=state.counters.tool_calls + 1)
    return replace(state, root=put_execution(state.root, execution), counters=counters)


def _subflow_retry_due(state: RunState, event: Event) -> RunState:
    """The step stands before its start again, with the attempts it has made."""
    waiting = replace(
        _execution(state, event), status=StepStatus.NOT_STARTED, retry_at=None, child_run_id=None
    )
    scope = _scope_around(state, event)
    back = replace(scope, active=None, executions={**scope.executions, waiting.step_id: waiting})
    return replace(state, root=put_scope(state.root, scope.path, back))


def _approval_voided(state: RunState, event: Event) -> RunState:
    scope = _scope_around(state, event)
    step_id = step_id_of(_path(event))
    voided = {**scope.voided, step_id: scope.voided.get(step_id, 0) + 1}
    back = replace(scope, index=event.payload["next"], active=None, voided=voided)
    return replace(state, root=put_scope(state.root, scope.path, back))


def _branch_completed(state: RunState, event: Event) -> RunState:
    parent_path, _, index_text = _path(event).rpartition("/")
    parent = find_execution(state.root, parent_path)
    if parent is None:
        raise InvalidTransition(f"{event.kind}: there is no execution {parent_path}")
    index = int(index_text)
    scope = parent.children[index]
    children = {key: child for key, child in parent.children.items() if key != index}
    done = replace(parent, children=children, outputs={**parent.outputs, index: scope.output})
    return replace(state, root=put_execution(state.root, done))


def _branch_cancelled(state: RunState, event: Event) -> RunState:
    scope = find_scope(state.root, _path(event))
    if scope is None:
        raise InvalidTransition(f"{event.kind}: there is no branch {event.step_id}")
    cancelled = replace(scope, status=ScopeStatus.CANCELLED)
    return replace(state, root=put_scope(state.root, _path(event), cancelled))


def _retried(state: RunState, _event: Event) -> RunState:
    return replace(
        state,
        phase=Phase.ACTIVE,
        root=reopen(state.root),
        error=None,
        cancel=None,
        pause_requested=False,
        paused=False,
        retries=state.retries + 1,
        documented=False,
    )


def _ended(phase: Phase) -> Callable[[RunState, Event], RunState]:
    def apply(state: RunState, event: Event) -> RunState:
        return replace(
            state,
            phase=phase,
            output=event.payload.get("output"),
            error=event.payload.get("error"),
            paused=False,
            pause_requested=False,
        )

    return apply


def _same(state: RunState, _event: Event) -> RunState:
    return state


_EVOLVERS: dict[Kind, Callable[[RunState, Event], RunState]] = {
    Kind.RUN_QUEUED: _queued,
    Kind.RUN_REFUSED: _refused,
    Kind.RUN_STARTED: _started,
    Kind.RUN_PAUSE_REQUESTED: lambda state, _: replace(state, pause_requested=True),
    Kind.RUN_PAUSED: lambda state, _: replace(state, paused=True),
    Kind.RUN_RESUMED: lambda state, _: replace(state, paused=False, pause_requested=False),
    Kind.RUN_CANCEL_REQUESTED: lambda state, event: replace(state, cancel=CancelMode(event.payload["mode"])),
    Kind.RUN_CANCELLED: _ended(Phase.CANCELLED),
    Kind.RUN_RETRIED: _retried,
    Kind.RUN_COMPLETED: _ended(Phase.COMPLETED),
    Kind.RUN_FAILED: _ended(Phase.FAILED),
    Kind.RUN_DEAD_LETTERED: _ended(Phase.DEAD_LETTER),
    Kind.OUTPUT_WRITTEN: lambda state, _: replace(state, documented=True),
    Kind.STEP_STARTED: _step_started,
    Kind.STEP_COMPLETED: _step_completed,
    Kind.STEP_FAILED: _step_failed,
    Kind.STEP_SKIPPED: _step_skipped,
    Kind.STEP_CANCELLED: _step_cancelled,
    Kind.STEP_RECOVERED: _amend(recoveries=lambda event: event.payload["recoveries"]),
    Kind.ATTEMPT_FAILED: _amend(error=lambda event: event.payload["error"]),
    Kind.RETRY_SCHEDULED: _amend(retry_at=lambda event: event.payload["retry_at"]),
    Kind.ATTEMPT_STARTED: _attempt_started,
    Kind.SUBFLOW_RETRY_DUE: _subflow_retry_due,
    Kind.PENDING_HUMAN: _amend(
        status=lambda _: StepStatus.PENDING_HUMAN,
        request_id=lambda event: event.payload["approval_id"],
        digest=lambda event: event.payload.get("action_digest"),
    ),
    Kind.APPROVAL_DECIDED: _amend(
        decision=lambda event: {
            "decision": event.payload["decision"],
            "decided_by": event.actor,
            "comment": event.payload.get("comment") or "",
        }
    ),
    Kind.APPROVAL_VOIDED: _approval_voided,
    Kind.USER_INPUT_REQUESTED: _amend(
        status=lambda _: StepStatus.PENDING_USER_INPUT,
        request_id=lambda event: event.payload["request_id"],
    ),
    Kind.USER_INPUT_RECEIVED: _amend(
        decision=lambda event: {"output": event.payload["output"], "answered_by": event.actor}
    ),
    Kind.REQUEST_WITHDRAWN: _same,
    Kind.BRANCH_COMPLETED: _branch_completed,
    Kind.BRANCH_FAILED: _same,
    Kind.BRANCH_CANCELLED: _branch_cancelled,
}
