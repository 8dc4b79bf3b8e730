"""parallel, for_each and graph: lists of steps side by side, and what their ends bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.flow import ForEachStep, GraphStep, ParallelStep
from engine.contracts.status import StepStatus
from engine.machine.control import cancel_below, complete, fail, launch, watch_timeout
from engine.machine.events.agent_facts import AgentConfidence
from engine.machine.model.state import ScopeStatus
from engine.machine.steps.kind import StepKind
from engine.machine.walk import is_held, joined

if TYPE_CHECKING:
    from engine.machine.model.inputs import Collected, StepPrepared
    from engine.machine.model.state import Branches
    from engine.machine.transition_builder import TransitionBuilder


LEFT_OUT = "what it needs did not end as it asks for"
"""Of a branch of a graph that a retry had opened again."""


class ParallelKind(StepKind[ParallelStep]):
    """Branches side by side."""

    type = "parallel"

    def start(
        self, builder: TransitionBuilder, step: ParallelStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Start as many branches as may run at once."""
        self.started(builder, step, prepared.path, approval, total=len(step.branches))
        watch_timeout(builder, prepared.path)
        launch(builder, prepared.path)


class GraphKind(StepKind[GraphStep]):
    """Steps as their needs allow."""

    type = "graph"

    def start(
        self, builder: TransitionBuilder, step: GraphStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Start the steps that need nothing, as many as may run at once."""
        total = len(step.steps)
        self.started(builder, step, prepared.path, approval, input=prepared.value, total=total)
        watch_timeout(builder, prepared.path)
        launch(builder, prepared.path)


class ForEachKind(StepKind[ForEachStep]):
    """The same steps per item."""

    type = "for_each"

    def start(
        self, builder: TransitionBuilder, step: ForEachStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Start as many items as may run at once; no items at all is an empty result."""
        items = {"items": prepared.value}
        self.started(builder, step, prepared.path, approval, input=items, total=prepared.total)
        watch_timeout(builder, prepared.path)
        launch(builder, prepared.path)


def collected(builder: TransitionBuilder, given: Collected) -> None:
    """Complete the composite step with what its branches brought.

    A branch can succeed while the run is held; its losing siblings are cancelled here at the latest.
    """
    execution = builder.execution(given.path)
    branches = execution.branches if execution is not None else None
    if (
        is_held(builder.state)
        or execution is None
        or branches is None
        or execution.status is not StepStatus.RUNNING
        or not joined(builder.graph, execution, branches)
    ):
        return
    by_needs = builder.step(given.path).by_needs
    failed = _failed(branches) if by_needs else None
    cancel_below(builder, branches, LEFT_OUT if by_needs else "another branch succeeded first")
    if failed is not None:
        fail(builder, given.path, failed)
    else:
        if given.confidence is not None:
            builder.emit(AgentConfidence(*given.confidence), given.path)
        complete(builder, given.path, given.value, given.jump)


def _failed(branches: Branches) -> dict[str, Any] | None:
    """The error of the first step of a graph that failed."""
    for _, child in sorted(branches.children.items()):
        if child.status is ScopeStatus.FAILED and child.error is not None:
            at = child.executions[child.active].path if child.active is not None else child.path
            return {**child.error, "step_id": child.error.get("step_id") or at}
    return None
