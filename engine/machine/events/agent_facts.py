"""What happens to an agent beside its steps; `step_id` is the agent's path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.machine.events.event import Event, Fact, Upgrade, doc
from engine.machine.events.placing import with_turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.machine.model.state import RunState


def _first_turn_added(payload: dict[str, Any]) -> dict[str, Any]:
    """The first version left every turn in the state."""
    return payload


@dataclass(frozen=True, slots=True)
class AgentTurnAdded(Fact):
    """The model of an agent is to be asked once more, with what came of its calls."""

    kind: ClassVar[str] = "agent_turn_added"
    version: ClassVar[int] = 2
    upgrades: ClassVar[Mapping[int, Upgrade]] = {1: _first_turn_added}
    turns: int = field(metadata=doc("turns there are now"))
    kept: int | None = field(
        default=None, metadata=doc("of so many of the ended ones the state keeps what they brought")
    )

    def apply(self, state: RunState, event: Event) -> RunState:
        """It has a turn more to work through."""
        return with_turns(state, event, self.turns, self.kept)


@dataclass(frozen=True, slots=True)
class SkillsResolved(Fact):
    """The agent is told skills of its pack."""

    kind: ClassVar[str] = "agent_skills_resolved"
    keys: list[str] = field(metadata=doc("`pack/skill`, in the order in which they are told"))
    digests: list[str] = field(metadata=doc("sha256 of each text"))
    injection_bytes: int = field(metadata=doc("size of the texts together"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """Nothing changes: the texts are part of what the agent was started with."""
        return state


@dataclass(frozen=True, slots=True)
class SkillResolutionFailed(Fact):
    """A skill that its flow names is not told to the agent, which goes on without it."""

    kind: ClassVar[str] = "agent_skill_resolution_failed"
    key: str = field(metadata=doc("`pack/skill`"))
    reason: str = field(metadata=doc("`not_found`, or `tool_not_visible`: the agent lacks a tool it needs"))
    details: dict[str, Any] = field(default_factory=dict, metadata=doc("`tool`: the one that is missing"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """Nothing changes."""
        return state
