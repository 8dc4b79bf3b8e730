"""What happens to an agent beside its steps; `step_id` is the agent's path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from engine.errors import InvalidTransition
from engine.machine.events.event import Event, Fact, doc
from engine.machine.events.placing import amend, execution_of
from engine.machine.model.copying import replace

if TYPE_CHECKING:
    from engine.machine.model.state import RunState


@dataclass(frozen=True, slots=True)
class AgentTurnAdded(Fact):
    """The model of an agent is to be asked once more, with what came of its calls."""

    kind: ClassVar[str] = "agent_turn_added"
    turns: int = field(metadata=doc("turns there are now"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It has a turn more to work through."""
        branches = execution_of(state, event).branches
        if branches is None:
            raise InvalidTransition(f"{event.kind}: {event.step_id} has no turns")
        return amend(state, event, branches=replace(branches, total=self.turns))
