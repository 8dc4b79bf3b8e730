"""A conversation whose turns have very many calls: what is looked at is read, and little of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from screens.run.conversation.screen import OPEN_CALLS
from screens.run.conversation.turns import NEWEST
from tests.fakes.conversations import busy_steps, long_steps
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run
from tests.screens.conversations.conversations import a_long_engine, long_one, turns_of

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


def a_busy_engine(turns: int = 40, calls: int = 60) -> FakeEngine:
    engine = FakeEngine().add(a_run(status=RunStatus.RUNNING))
    engine.stored_steps["run-1"] = busy_steps(turns, calls)
    return engine


def with_lines(stage: Stage) -> list[int]:
    """The turns whose lines are kept."""
    return [n for n, block in enumerate(turns_of(stage).blocks) if n and block.lines is not None]


async def test_so_many_turns_are_open_at_first_as_have_few_calls(console: OpenConsole) -> None:
    engine = a_busy_engine()
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("look/39/calls/59/call")
        assert OPEN_CALLS // 60 == 3
        assert with_lines(stage) == [38, 39, 40]
        assert engine.asked("conversation") == [(-NEWEST, None, False), (37, 3, True)]
        engine.news()
        await stage.until(lambda: len(engine.asked("conversation")) > 2, "the next load")
        assert engine.asked("conversation")[2] == (39, NEWEST, True)
        assert with_lines(stage) == [38, 39, 40]


async def test_one_turn_of_more_calls_than_that_is_open_too(console: OpenConsole) -> None:
    async with console(a_busy_engine(3, OPEN_CALLS + 1), size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("look/2/calls/200/call")
        assert with_lines(stage) == [3]


async def test_headings_are_read_without_calls_and_a_turn_whole_when_it_is_unfolded(
    console: OpenConsole,
) -> None:
    engine = a_busy_engine()
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("look/39/calls/59/call")
        await stage.press("g")
        await stage.shows("▸ turn 1 · openai gpt · 5 tokens in, 7 out · 60 calls")
        assert all(not calls for after, _, calls in engine.asked("conversation")[2:] if after < 37)
        turns_of(stage).show_source(1, 0)
        await stage.press("right")
        await stage.shows("look/0/calls/0/call")
        assert engine.asked("conversation")[-1] == (0, 1, True)
        await stage.press("left")
        await stage.until(lambda: with_lines(stage) == [38, 39, 40], "what is folded is let go")


async def test_the_call_that_asks_is_gone_to_in_a_turn_that_was_not_read_whole(console: OpenConsole) -> None:
    async with console(a_busy_engine(4, 150), size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("look/3/calls/149/call")
        assert with_lines(stage) == [4]
        await stage.press("i")
        await stage.shows("call of files.read · pending human")
        assert turns_of(stage).current == 2
        row = turns_of(stage).row_at(turns_of(stage).cursor_row)
        assert row is not None
        assert row.cells[0].text.endswith("look/1/calls/1/call")


async def test_who_follows_what_comes_keeps_the_newest_turns_open_and_those_they_unfolded(
    console: OpenConsole,
) -> None:
    engine = a_long_engine(30)
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("│ answer 30")
        table = turns_of(stage)
        table.set_open(12, opened=False)
        table.set_open(12, opened=True)
        await stage.until(lambda: 12 in with_lines(stage), "it is read again")
        assert table.at_end
        engine.stored_steps["run-1"] = long_steps(35)
        engine.news()
        await stage.shows("│ answer 35")
        assert with_lines(stage) == [12, *range(16, 36)]
        await stage.press("g")
        engine.stored_steps["run-1"] = long_steps(90)
        engine.news()
        await stage.shows("90 turns")
        assert with_lines(stage) == [12, *range(16, 36), *range(71, 91)]
        assert table.current == 0
