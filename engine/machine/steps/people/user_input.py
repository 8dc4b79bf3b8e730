"""user_input: park until a valid form response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.flow import UserInputStep
from engine.contracts.status import StepStatus
from engine.machine.control import complete, time_limit, watch_timeout
from engine.machine.events.request_facts import UserInputRequested
from engine.machine.steps.kind import S, StepKind

if TYPE_CHECKING:
    from engine.machine.model.inputs import FormSubmitted, StepPrepared
    from engine.machine.transition_builder import TransitionBuilder


class AskingKind(StepKind[S]):
    """A step that waits for a person's answer."""

    def start(
        self, builder: TransitionBuilder, step: S, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Open the form."""
        self.started(builder, step, prepared.path, approval)
        fact = UserInputRequested(
            request_id=prepared.new_id, expires_at=time_limit(builder, step), **(prepared.request or {})
        )
        builder.emit(fact, prepared.path)
        watch_timeout(builder, prepared.path)


class UserInputKind(AskingKind[UserInputStep]):
    """A form."""

    type = "user_input"


def submitted(builder: TransitionBuilder, given: FormSubmitted) -> None:
    """Go on with the answer; its event is already part of the state."""
    found = builder.decided(given.path, given.request_id, StepStatus.PENDING_USER_INPUT)
    if found is None:
        return
    _, answer = found
    complete(builder, given.path, answer["output"])
