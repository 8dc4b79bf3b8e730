"""What a retry opens again: the failed step, and below a composite step its failed and cancelled branches."""

from __future__ import annotations

from engine.contracts.status import StepStatus
from engine.frozen import replace
from engine.machine.model.state import Branches, Execution, RunState, Scope, ScopeStatus


def root_before_end(state: RunState) -> Scope:
    """The outermost list as it was when the run's end was certain; what ran in any case is left out."""
    ending, root = state.ending, state.root
    if ending is None:
        return root
    return replace(
        root,
        index=ending.index,
        active=ending.active,
        status=ScopeStatus.FAILED if ending.list_failed else ScopeStatus.RUNNING,
        output=ending.list_output,
        said=ending.list_said,
    )


def reopen(scope: Scope) -> Scope:
    """The scope running again at the execution that ended it; what completed stays as it is.

    A leaf becomes NOT_STARTED with its attempts kept (numbers count on) and a fresh retry budget. So does
    what waits in a branch of a run that was given up: what it asked was withdrawn, what it started cancelled.
    A call that was under way there is left to whoever goes on with the run, as that of a worker that died.
    """
    running = replace(scope, status=ScopeStatus.RUNNING, error=None, voided={})
    current = scope.executions.get(scope.active) if scope.active else None
    if current is None:
        return running
    opened = _reopen_execution(current)
    active = current.step if opened.status is StepStatus.RUNNING else None
    return replace(running, active=active, executions={**scope.executions, current.step: opened})


def _reopen_execution(execution: Execution) -> Execution:
    if execution.is_in_flight:
        return execution
    if (branches := execution.branches) is not None and has_started(branches):
        children = {index: reopen(child) for index, child in branches.children.items()}
        opened = replace(branches, children=children)
        return replace(execution, status=StepStatus.RUNNING, error=None, branches=opened)
    return replace(
        execution,
        status=StepStatus.NOT_STARTED,
        error=None,
        recoveries=0,
        budget_from=execution.attempt,
        request_id=None,
        decision=None,
        child_run_id=None,
        retry_at=None,
        branches=None,
    )


def has_started(branches: Branches) -> bool:
    """Whether any branch has begun: then the composite step goes on, else it starts anew."""
    return bool(branches.children or branches.ended)


def reopened_paths(scope: Scope) -> tuple[list[str], list[str]]:
    """Paths of executions that `reopen` sets at work again, and of those it sets before their start."""
    current = scope.executions.get(scope.active) if scope.active else None
    if current is None or current.is_in_flight:
        return [], []
    branches = current.branches
    if branches is None or not has_started(branches):
        return [], [current.path]
    running, waiting = [current.path], []
    for child in branches.children.values():
        below = reopened_paths(child)
        running += below[0]
        waiting += below[1]
    return running, waiting
