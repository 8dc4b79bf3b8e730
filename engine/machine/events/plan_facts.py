"""What happens to a plan beside its steps; `step_id` is the path of the `plan_proposal` step."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.frozen import frozen
from engine.machine.events.event import Event, Fact, doc
from engine.machine.events.placing import with_turns

if TYPE_CHECKING:
    from engine.machine.model.state import RunState


@frozen
class PlanProposed(Fact):
    """A plan fits, and a person is asked to decide on it."""

    kind: ClassVar[str] = "plan_proposed"
    plan: dict[str, Any] = field(
        metadata=doc(
            "`steps_count`, `step_ids` (the first 10), `required_tools`, `approvals_count`, `estimated_cost`"
        )
    )

    def apply(self, state: RunState, event: Event) -> RunState:
        """The approval that follows says more."""
        return state


@frozen
class PlanValidationFailed(Fact):
    """A model proposed what is no plan, or one that cannot be: it is told, or has been told often enough."""

    kind: ClassVar[str] = "plan_validation_failed"
    errors: list[str] = field(metadata=doc("what does not fit, ten at the most"))
    turns: int | None = field(default=None, metadata=doc("turns there are now; none: it is asked no more"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """The plan has a turn more to work through, unless this was the last one."""
        return state if self.turns is None else with_turns(state, event, self.turns)


@frozen
class RunReplanStarted(Fact):
    """A person rejected a plan: the model is told why, and proposes another one."""

    kind: ClassVar[str] = "run_replan_started"
    replan: int = field(metadata=doc("number of the plan that follows the first one"))
    turns: int = field(metadata=doc("turns there are now"))
    approval_id: str | None = field(default=None, metadata=doc("id of the request that was rejected"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """The plan has a turn more to work through."""
        return with_turns(state, event, self.turns)
