"""What happens to an agent beside its steps; `step_id` is the agent's path."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.errors import InvalidTransition
from engine.frozen import frozen, replace
from engine.machine.events.event import Event, Fact, Record, Upgrade, doc
from engine.machine.events.placing import amend, execution_of, with_turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.machine.model.state import Branches, RunState


def _first_turn_added(payload: dict[str, Any]) -> dict[str, Any]:
    """The first version left every turn in the state."""
    return payload


@frozen
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


@frozen
class AgentPermissionAsked(Fact):
    """An agent that another program brings asks permission for a call."""

    kind: ClassVar[str] = "agent_permission_asked"
    number: int = field(metadata=doc("the branch that asks for it, from 1"))
    call: Any = field(metadata=doc("tool, params, what the agent said before, why it is refused if it is"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It has a branch more."""
        branches = _branches_of(state, event)
        asked = {**branches.asked, self.number: self.call}
        return amend(state, event, branches=replace(branches, total=self.number + 1, asked=asked))


@frozen
class AgentPermissionsDropped(Fact):
    """What an agent had asked for beyond what people were asked at once: it hears of none of it any more."""

    kind: ClassVar[str] = "agent_permissions_dropped"
    reason: str = field(metadata=doc("why"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """What has not begun never begins."""
        branches = _branches_of(state, event)
        asked = {number: call for number, call in branches.asked.items() if number < branches.next_index}
        return amend(state, event, branches=replace(branches, next_index=branches.total, asked=asked))


def _branches_of(state: RunState, event: Event) -> Branches:
    branches = execution_of(state, event).branches
    if branches is None:
        raise InvalidTransition(f"{event.kind}: {event.step_id} has no turns")
    return branches


@frozen
class ToolsNarrowed(Fact):
    """A person bounds the tools that models of the run choose among, from their next turn on."""

    kind: ClassVar[str] = "agent_tools_narrowed"
    only: list[str] | None = field(default=None, metadata=doc("names or patterns; null: no such bound"))
    without: list[str] = field(default_factory=list, metadata=doc("names or patterns that are hidden"))
    once: bool = field(default=False, metadata=doc("in the next turn alone, beside what holds anyway"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It takes the place of what was said before; lifting takes away both."""
        said = {"only": self.only, "without": self.without}
        if said == {"only": None, "without": []}:
            return replace(state, narrowed=None, narrowed_once=None)
        return replace(state, narrowed_once=said) if self.once else replace(state, narrowed=said)


@frozen
class TurnNarrowed(Fact):
    """A turn begins with the bounds that a person set for it alone; `step_id` is its model's path."""

    kind: ClassVar[str] = "agent_turn_narrowed"
    only: list[str] | None = field(default=None, metadata=doc("names or patterns; null: no such bound"))
    without: list[str] = field(default_factory=list, metadata=doc("names or patterns that are hidden"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """No other turn has them."""
        return replace(state, narrowed_once=None)


@frozen
class ContextAdded(Fact):
    """A person says something that a model of the run is told in its next question alone, or gives data to
    the tools that it calls then."""

    kind: ClassVar[str] = "agent_context_added"
    text: str = field(metadata=doc("what is said, masked; empty where only data is given"))
    data: dict[str, Any] | None = field(
        default=None, metadata=doc("what the pack's own tools get in the calls of that turn, masked")
    )

    def apply(self, state: RunState, event: Event) -> RunState:
        """It waits for the next turn."""
        said: dict[str, Any] = {"by": event.actor, "text": self.text}
        if self.data is not None:
            said["data"] = self.data
        return replace(state, told=[*(state.told or ()), said])


@frozen
class ContextTaken(Fact):
    """A turn begins with what people said for it; `step_id` is its model's path."""

    kind: ClassVar[str] = "agent_context_taken"
    count: int = field(metadata=doc("how many times something was said"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """No other turn hears it."""
        return replace(state, told=(state.told or [])[self.count :] or None)


@frozen
class SkillsResolved(Record):
    """The agent is told skills of its pack; of those that a message names `step_id` is its model's path."""

    kind: ClassVar[str] = "agent_skills_resolved"
    keys: list[str] = field(metadata=doc("`pack/skill`, in the order in which they are told"))
    digests: list[str] = field(metadata=doc("sha256 of each text"))
    injection_bytes: int = field(metadata=doc("size of the texts together"))


@frozen
class SkillResolutionFailed(Record):
    """A skill that its flow or a message names is not told to the agent, which goes on without it."""

    kind: ClassVar[str] = "agent_skill_resolution_failed"
    key: str = field(metadata=doc("`pack/skill`"))
    reason: str = field(
        metadata=doc("`not_found`, `tool_not_visible` (the agent lacks a tool it needs), or `too_large`")
    )
    details: dict[str, Any] = field(
        default_factory=dict, metadata=doc("`tool`: the one that is missing; `limit`: bytes of all together")
    )


@frozen
class ExtractionSucceeded(Record):
    """The last answer of the agent has the form that its step asks for."""

    kind: ClassVar[str] = "agent_extraction_succeeded"
    attempts: int = field(metadata=doc("answers that it took, this one among them"))
    answer: str = field(metadata=doc("path of the model whose output it is"))


@frozen
class ExtractionFailed(Record):
    """The last answer of the agent does not have the form that its step asks for."""

    kind: ClassVar[str] = "agent_extraction_failed"
    attempts: int = field(metadata=doc("answers in a row that did not fit, this one among them"))
    answer: str = field(metadata=doc("path of the model whose output it is"))
    errors: list[str] = field(metadata=doc("what does not fit, ten at the most"))
    final: bool = field(default=False, metadata=doc("it is asked no more, and has failed"))


@frozen
class AgentConfidence(Record):
    """The agent's answer says how sure it is; its pack says how sure it has to be."""

    kind: ClassVar[str] = "agent_confidence"
    stated: float = field(metadata=doc("its own figure, from 0 to 1"))
    least: float = field(metadata=doc("below this the run counts as doubtful"))
