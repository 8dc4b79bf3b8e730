"""A run's state as its row shows it."""

from __future__ import annotations

from typing import Any

from engine.contracts.runs.listed import WaitingFor
from engine.contracts.status import StepStatus, WaitKind
from engine.journal.records import RunHead
from engine.machine.model.state import Execution, Phase, RunState
from engine.machine.walk import status_and_leaf


def run_head(state: RunState) -> RunHead:
    """The columns of the runs row that follow from the state."""
    status, leaf = status_and_leaf(state)
    return RunHead(
        status=status,
        current_step=leaf.path if leaf is not None else None,
        waiting_for=_waiting_for(state, leaf),
        error=state.error,
        ending=_ending(state),
        steps_executed=state.counters.steps_executed,
        tool_calls=state.counters.tool_calls,
        tokens_used=state.counters.tokens_used,
        cost=state.counters.cost,
        unpriced=state.counters.unpriced,
        cancel=state.cancel.value if state.cancel is not None else None,
        pause=state.pause_requested or state.paused,
    )


def _waiting_for(state: RunState, leaf: Execution | None) -> WaitingFor | None:
    if state.phase is Phase.QUEUED:
        return WaitingFor(kind=WaitKind.WORKER)
    if state.paused and state.held_at is not None:
        return WaitingFor(kind=WaitKind.SOFT_CAP, id=state.held_at)
    if state.paused:
        return WaitingFor(kind=WaitKind.RESUME)
    if leaf is None:
        return None
    if leaf.request_id is not None:
        asked = WaitKind.APPROVAL if leaf.status is StepStatus.PENDING_HUMAN else WaitKind.FORM
        return WaitingFor(kind=WaitKind(leaf.asks) if leaf.asks else asked, id=leaf.request_id)
    if leaf.retry_at is not None:
        return WaitingFor(kind=WaitKind.RETRY)
    if leaf.status is StepStatus.WAITING:
        until = leaf.input.get("until") if isinstance(leaf.input, dict) else None
        return WaitingFor(kind=WaitKind.MOMENT, id=until if isinstance(until, str) else None)
    return WaitingFor(kind=WaitKind.CHILD, id=leaf.child_run_id) if leaf.child_run_id is not None else None


def _ending(state: RunState) -> dict[str, Any] | None:
    if state.ending is None or state.phase is not Phase.ACTIVE:
        return None
    return {"outcome": state.ending.outcome, "error": state.ending.error}
