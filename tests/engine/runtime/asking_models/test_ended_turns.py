"""Turns that have ended are read once while they are held, and no more of them is held than there may be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from engine.machine.model.state import Branches, Outputs
from engine.runtime.worker.steps.agents.told.ended_turns import (
    HELD_AGENTS,
    HELD_CHARACTERS,
    TURNS_AT_ONCE,
    EndedTurns,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal.port import Journal
    from engine.runtime.value_store import ValueStore

HALF = HELD_CHARACTERS // 2


class FakeValues:
    """Brings what is asked for as it stands, and notes how much at once."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def load_many(self, values: Sequence[Any]) -> list[Any]:
        self.read.append(len(values))
        await self.may_go_on.wait()
        return list(values)


def turns(count: int, *, characters: int = 1) -> Branches:
    call = {"id": "c", "tool": "data.read", "arguments": "{}"}
    reply = {"text": "", "calls": [call], "model": "m", "provider": "p"}
    outputs = Outputs.of((number, {"reply": reply, "results": ["x" * characters]}) for number in range(count))
    return Branches(total=count, outputs=outputs)


def reader() -> tuple[EndedTurns, FakeValues]:
    values = FakeValues()
    return EndedTurns(cast("Journal", None), cast("ValueStore", values)), values


async def all_of(ended: EndedTurns, agent: str, branches: Branches) -> list[str]:
    """The ids of the calls of its turns, the newest first."""
    pages = [page async for page in ended.pages("run_1", agent, branches)]
    return [turn.calls[0].id for page in pages for turn in page]


async def test_turns_are_read_by_the_page_and_once() -> None:
    ended, values = reader()
    many = turns(TURNS_AT_ONCE + 3)
    found = await all_of(ended, "work", many)
    assert found == [f"c{number:05}000" for number in range(TURNS_AT_ONCE + 2, -1, -1)]
    assert values.read == [TURNS_AT_ONCE, 3]
    assert await all_of(ended, "work", many) == found
    assert values.read == [TURNS_AT_ONCE, 3]
    await all_of(ended, "work", turns(TURNS_AT_ONCE + 4))
    assert values.read[2:] == [1], "only what has ended since"
    await all_of(ended, "other", turns(1))
    assert values.read[3:] == [1], "those of another agent are others"


async def test_the_turns_of_the_agents_that_were_asked_longest_ago_are_let_go_where_all_are_too_many() -> (
    None
):
    ended, values = reader()
    large = turns(1, characters=HALF)
    for agent in ("first", "second", "first"):
        await all_of(ended, agent, large)
    assert len(values.read) == 3, "two are more than may be held with all that comes with them"
    small = turns(1, characters=HALF - 1_000)
    ended, values = reader()
    for agent in ("first", "second", "first", "third", "first", "second"):
        await all_of(ended, agent, small)
    assert len(values.read) == 4, "the second one was let go for the third, the first one was asked since"


async def test_agents_that_were_asked_once_are_not_held_for_ever() -> None:
    ended, _ = reader()
    for number in range(3 * HELD_AGENTS):
        assert await ended.spoken(f"run_{number}", "work", Branches(total=1)) is not None
    assert ended.held == HELD_AGENTS


async def test_an_agent_that_is_let_go_while_its_turns_are_read_counts_as_what_is_held() -> None:
    ended, values = reader()
    small = turns(1, characters=HALF - 1_000)
    for _ in range(2):
        values.may_go_on.clear()
        slow = asyncio.create_task(all_of(ended, "slow", small))
        await asyncio.sleep(0)
        values.may_go_on.set()
        for agent in ("first", "second", "third"):
            await all_of(ended, agent, small)
        await slow
    values.read.clear()
    for agent in ("first", "second", "first", "second"):
        await all_of(ended, agent, small)
    assert len(values.read) <= 2, "two of them are held"
