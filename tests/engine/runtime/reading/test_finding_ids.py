"""What is asked of all runs at once, in both journals: parts of ids, events in the order of the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import InvalidInput, NotFound
from engine.journal.rules.id_parts import is_part
from tests.engine.runtime.embedded_home import ANN, approval, finished, pending_approval, start, tool

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from tests.engine.runtime.embedded_home import Home


async def test_a_run_is_found_by_its_beginning_or_its_end(home: Home, each_journal: Journal) -> None:
    home.flow("main", tool("say", params={"n": 1}))
    home.flow("ask", approval())
    async with home.working(journal=each_journal) as engine:
        first = (await finished(engine, "main")).run_id
        second = await start(engine, "ask")
        asked = (await pending_approval(engine, second)).approval_id
        for part in (first, first[-8:], first[-8:].upper(), first.removeprefix("run_")):
            assert await engine.runs.find_id(part) == first
        assert await engine.runs.find_id(asked[-8:], "request") == asked
        with pytest.raises(InvalidInput) as several:
            await engine.runs.find_id("run_0")
        assert several.value.details["ids"] == [second, first]
        for part in ("run_none", first[-3:], "", asked[-8:]):
            with pytest.raises(NotFound):
                await engine.runs.find_id(part)
        with pytest.raises(NotFound):
            await engine.for_(ANN, tenant="other").runs.find_id(first)


def test_a_part_is_the_whole_the_beginning_or_the_end() -> None:
    whole = "run_01abcdef"
    assert all(is_part(part, whole) for part in (whole, "run_01", "01ab", "cdef"))
    assert not any(is_part(part, whole) for part in ("1abc", "x", "run_02"))


async def test_events_of_all_runs_in_view_are_read_from_any_place(home: Home, each_journal: Journal) -> None:
    home.flow("main", tool("say", params={"n": 1}))
    async with home.working(journal=each_journal) as engine:
        first, second = (await finished(engine, "main")).run_id, (await finished(engine, "main")).run_id
        page = await engine.runs.all_events()
        assert {event.run_id for event in page.events} == {first, second}
        assert [event.seq for event in page.events] == sorted(event.seq for event in page.events)
        assert page.ended
        middle = await engine.runs.all_events(after_seq=2, limit=1)
        assert ([event.seq for event in middle.events], middle.next, middle.ended) == ([3], 3, False)
        nothing = await engine.for_(ANN, tenant="other").runs.all_events()
        assert (nothing.events, nothing.next) == ((), page.next)
