"""for_each: the same steps per item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.machine.control import launch, watch_timeout
from engine.machine.steps.gate import consume_approval
from engine.machine.steps.opening import started

if TYPE_CHECKING:
    from engine.contracts.flow import ForEachStep
    from engine.machine.model.inputs import StepPrepared
    from engine.machine.transition_builder import TransitionBuilder


def start(builder: TransitionBuilder, step: ForEachStep, prepared: StepPrepared) -> None:
    """Start as many items as may run at once; no items at all is an empty result."""
    gate = consume_approval(builder, prepared)
    if gate is None:
        return
    started(builder, step, prepared.path, input={"items": prepared.value}, total=prepared.total, **gate)
    watch_timeout(builder, prepared.path)
    launch(builder, prepared.path)
