"""parallel and for_each: lists of steps side by side, and what their ends bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flow import ForEachStep, ParallelStep
from engine.contracts.status import StepStatus
from engine.machine.control import cancel_below, complete, launch, settle, watch_timeout
from engine.machine.steps.kind import StepKind
from engine.machine.walk import holds, joined

if TYPE_CHECKING:
    from engine.machine.model.inputs import Collected, StepPrepared
    from engine.machine.transition_builder import TransitionBuilder


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
        holds(builder.state)
        or execution is None
        or branches is None
        or execution.status is not StepStatus.RUNNING
        or not joined(builder.graph, execution, branches)
    ):
        return
    cancel_below(builder, branches, "another branch succeeded first")
    complete(builder, given.path, given.value)
    settle(builder)
