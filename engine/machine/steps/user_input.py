"""user_input: park until a valid form response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import StepStatus
from engine.machine.control import complete, settle, watch_timeout
from engine.machine.events.event import Kind
from engine.machine.steps.opening import started

if TYPE_CHECKING:
    from engine.contracts.flow import UserInputStep
    from engine.machine.model.inputs import FormSubmitted, StepPrepared
    from engine.machine.transition_builder import TransitionBuilder


def start(builder: TransitionBuilder, step: UserInputStep, prepared: StepPrepared) -> None:
    """Open the form."""
    started(builder, step, prepared.path)
    builder.emit(Kind.USER_INPUT_REQUESTED, prepared.path, request_id=prepared.new_id, **prepared.request)
    watch_timeout(builder, prepared.path)


def submitted(builder: TransitionBuilder, given: FormSubmitted) -> None:
    """Go on with the answer; its event is already part of the state."""
    execution = builder.execution(given.path)
    if (
        execution is None
        or execution.status is not StepStatus.PENDING_USER_INPUT
        or execution.request_id != given.request_id
        or execution.decision is None
    ):
        return
    complete(builder, given.path, execution.decision["output"])
    settle(builder)
