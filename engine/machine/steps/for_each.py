"""for_each: the same steps per item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.machine.control import launch, watch_timeout
from engine.machine.steps.gate import spend_approval
from engine.machine.steps.opening import started

if TYPE_CHECKING:
    from engine.contracts.flow import ForEachStep
    from engine.machine.draft import Draft
    from engine.machine.inputs import StepPrepared


def start(draft: Draft, step: ForEachStep, prepared: StepPrepared) -> None:
    """Start as many items as may run at once; no items at all is an empty result."""
    gate = spend_approval(draft, prepared)
    if gate is None:
        return
    started(draft, step, prepared.path, input={"items": prepared.value}, total=prepared.total, **gate)
    watch_timeout(draft, prepared.path)
    launch(draft, prepared.path)
