"""parallel: branches side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.machine.control import launch, watch_timeout
from engine.machine.steps.gate import consume_approval
from engine.machine.steps.opening import started

if TYPE_CHECKING:
    from engine.contracts.flow import ParallelStep
    from engine.machine.model.inputs import StepPrepared
    from engine.machine.transition_builder import TransitionBuilder


def start(builder: TransitionBuilder, step: ParallelStep, prepared: StepPrepared) -> None:
    """Start as many branches as may run at once."""
    gate = consume_approval(builder, prepared)
    if gate is None:
        return
    started(builder, step, prepared.path, total=len(step.branches), **gate)
    watch_timeout(builder, prepared.path)
    launch(builder, prepared.path)
