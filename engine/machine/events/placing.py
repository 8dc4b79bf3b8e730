"""Placing what begins in its scope: a new execution, and the approval it spends."""

from __future__ import annotations

from engine.contracts.status import StepStatus
from engine.machine.model.copying import replace
from engine.machine.model.state import Execution, Scope, find_scope, put_scope, scope_path_of, segments


def begin(root: Scope, execution: Execution) -> Scope:
    """Place a new execution and make it its scope's active one, counting the visit."""
    path = scope_path_of(execution.path)
    scope = find_scope(root, path) or Scope(path=path)
    visit = int(execution.path.rpartition("~")[2]) if "~" in segments(execution.path)[-1] else 1
    ended = execution.status is StepStatus.SKIPPED
    changed = replace(
        scope,
        active=None if ended else execution.step_id,
        executions={**scope.executions, execution.step_id: execution},
        visits={**scope.visits, execution.step_id: visit},
    )
    return put_scope(root, path, changed)


def spend(root: Scope, approval: Execution, path: str) -> Scope:
    """The approval is used by the execution at `path`; what was voided before it counts no more."""
    scope_path = scope_path_of(approval.path)
    scope = find_scope(root, scope_path) or Scope(path=scope_path)
    voided = {step_id: times for step_id, times in scope.voided.items() if step_id != approval.step_id}
    executions = {**scope.executions, approval.step_id: replace(approval, consumed_by=path)}
    return put_scope(root, scope_path, replace(scope, executions=executions, voided=voided))
