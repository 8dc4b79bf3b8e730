"""parallel: branches side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.machine.control import launch, watch_timeout
from engine.machine.steps.gate import spend_approval
from engine.machine.steps.opening import started

if TYPE_CHECKING:
    from engine.contracts.flow import ParallelStep
    from engine.machine.draft import Draft
    from engine.machine.inputs import StepPrepared


def start(draft: Draft, step: ParallelStep, prepared: StepPrepared) -> None:
    """Start as many branches as may run at once."""
    gate = spend_approval(draft, prepared)
    if gate is None:
        return
    started(draft, step, prepared.path, total=len(step.branches), **gate)
    watch_timeout(draft, prepared.path)
    launch(draft, prepared.path)
