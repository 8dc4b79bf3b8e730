"""The end of parallel and for_each: their joined outputs have been stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import StepStatus
from engine.machine.control import cancel_below, complete, settle
from engine.machine.walk import COMPOSITE, holds, joined

if TYPE_CHECKING:
    from engine.machine.model.inputs import Collected
    from engine.machine.transition_builder import TransitionBuilder


def collected(builder: TransitionBuilder, given: Collected) -> None:
    """Complete the composite step with what its branches brought.

    A branch can succeed while the run is held; its losing siblings are cancelled here at the latest.
    """
    execution = builder.execution(given.path)
    if (
        holds(builder.state)
        or execution is None
        or execution.type not in COMPOSITE
        or execution.status is not StepStatus.RUNNING
        or not joined(builder.graph, execution)
    ):
        return
    cancel_below(builder, execution, "another branch succeeded first")
    complete(builder, given.path, given.value)
    settle(builder)
