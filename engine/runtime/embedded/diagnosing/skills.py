"""Which skills an agent is told, and which it is not and why: from the history of its run, and its pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.runs.snapshot import AgentSkills, LeftOutSkill
from engine.governance.policies import tool_key
from engine.machine.events.agent_facts import SkillResolutionFailed, SkillsResolved

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from engine.journal.port import Journal
    from engine.machine.events.event import Fact
    from engine.runtime.pack_library.pinned import PinnedFlow

MOST_SKILLS = 100
_MOST_EVENTS = 5_000
"""Of these executions, and of the run itself, that are looked at: skills are told when one begins."""


async def skill_facts(journal: Journal, run_id: str, paths: Sequence[str], until: int) -> list[Fact]:
    """What these executions wrote, that of skills among it, up to the event `until`."""
    events = await journal.step_events(run_id, paths, 0, until, _MOST_EVENTS)
    return [one.event.fact for one in events if one.event.step_id in paths]


def skills_told(
    facts: Iterable[Fact], flow: PinnedFlow | None, pack: str, tools: Collection[str]
) -> AgentSkills:
    """Of an agent with these tools. Without its flow nobody knows which skills its pack has: that is said."""
    told: dict[str, None] = {}
    left_out: dict[str, LeftOutSkill] = {}
    for fact in facts:
        if isinstance(fact, SkillsResolved):
            told |= dict.fromkeys(fact.keys)
        elif isinstance(fact, SkillResolutionFailed):
            tool = fact.details.get("tool")
            left_out[fact.key] = LeftOutSkill(key=fact.key, reason=fact.reason, tool=tool)
    if flow is None:
        return AgentSkills(told=tuple(told), left_out=tuple(left_out.values()), fault="pack_invalid")
    of_no_use = list(_of_no_use(flow, pack, tools))
    for one in of_no_use:
        left_out.setdefault(one.key, one)
    return AgentSkills(
        told=tuple(told)[:MOST_SKILLS],
        listed=len(flow.skills) - len(of_no_use),
        left_out=tuple(left_out.values())[:MOST_SKILLS],
    )


def _of_no_use(flow: PinnedFlow, pack: str, tools: Collection[str]) -> Iterator[LeftOutSkill]:
    for skill in flow.skills.values():
        missing = next((tool for tool in skill.required_tools if tool_key(tool) not in tools), None)
        if missing is not None:
            yield LeftOutSkill(key=f"{pack}/{skill.id}", reason="tool_not_visible", tool=missing)
