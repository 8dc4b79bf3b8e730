"""Conversations of many turns: which are open, read, folded, searched and followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.runs.listed import RunError
from engine.contracts.status import RunStatus, StepStatus
from screens.run.conversation.screen import ConversationScreen
from tests.fakes.conversations import (
    agent_steps,
    answered,
    asking_steps,
    long_steps,
)
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run, a_step
from tests.screens.conversations.conversations import (
    a_line,
    a_long_engine,
    an_engine,
    long_one,
    opened,
    turns_of,
)

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


async def test_of_a_long_conversation_the_newest_turns_are_open_and_the_others_are_read_when_seen(
    console: OpenConsole,
) -> None:
    engine = a_long_engine()
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("│ answer 1000")
        assert "agent look · running · 1,000 turns" in stage.text()
        assert "▾ turn 1000 · openai gpt · 5 tokens in, 7 out" in stage.text()
        read = [block for block in turns_of(stage).blocks if block.lines is not None]
        assert len(read) == 21
        await stage.press("g")
        await stage.shows("▸ turn 1 · openai gpt · 5 tokens in")
        assert "what it was told" in stage.text()
        unread = [block for block in turns_of(stage).blocks if block.heading is None]
        assert len(unread) > 900


async def test_turns_unfold_and_fold_and_all_is_folded_to_one_line(console: OpenConsole) -> None:
    async with console(a_long_engine(60), size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("│ answer 60")
        await stage.press("g")
        await stage.shows("▸ turn 5 ·")
        table = turns_of(stage)
        table.show_source(5, 0)
        await stage.press("right")
        await stage.shows("│ answer 5")
        assert (table.current, table.source) == (5, 0)
        await stage.press("j", "left")
        await stage.until(lambda: "│ answer 5" not in stage.text(), "the turn is folded")
        await stage.press("space")
        await stage.shows("│ answer 5")
        await stage.press("enter")
        await stage.until(lambda: "│ answer 5" not in stage.text(), "the turn is folded")


async def test_words_are_found_in_turns_that_are_folded(console: OpenConsole) -> None:
    async with console(a_long_engine(200), size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("│ answer 200")
        await stage.press("n")
        await stage.until(lambda: "Nothing to look for" in stage.notices())
        await stage.press("slash", *"needle", "enter")
        await stage.shows("│ answer 3 Needle")
        assert (turns_of(stage).current, turns_of(stage).source) == (3, 1)
        await stage.press("N")
        await stage.press("slash")
        await stage.press(*"nowhere", "enter")
        await stage.until(lambda: "No line of the conversation" in stage.notices())
        await stage.press("escape")
        assert stage.app.screen.query_one("#turn-search").display is False
        await stage.on(ConversationScreen)


async def test_every_line_with_the_words_is_gone_to_in_turn(console: OpenConsole) -> None:
    async with console(a_long_engine(30), size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("│ answer 30")
        await stage.press("slash", *"answer 2", "enter")
        table, seen = turns_of(stage), []
        await stage.until(lambda: table.current == 2, "the first match")
        for _ in range(12):
            seen.append(table.current)
            await stage.press("n")
            await stage.until(lambda: table.current != seen[-1], "the next match")
        assert seen == [2, *range(20, 30), 2]
        await stage.press("N")
        await stage.until(lambda: table.current == 2, "the match before")


async def test_the_key_of_the_request_goes_to_the_call_that_asks(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(status=RunStatus.PENDING_HUMAN))
    engine.stored_steps["run-1"] = asking_steps()
    async with console(engine, size=(100, 40)) as stage:
        await opened(stage)
        await stage.shows(" · asks · ")
        table = turns_of(stage)
        await stage.press("g", "j")
        table.set_open(1, opened=False)
        await stage.until(lambda: "call of files.read" not in stage.text(), "the turn is folded")
        await stage.press("i")
        await stage.shows("call of files.read · pending human")
        row = table.row_at(table.cursor_row)
        assert row is not None
        assert row.cells[0].text.startswith("  call of files.read")
        await stage.press("i")
        await stage.until(lambda: "waits for nobody" in stage.notices(), "the request is asked for")


async def test_what_a_model_says_just_now_stands_behind_a_bar_in_its_turn(console: OpenConsole) -> None:
    engine = a_long_engine(3, StepStatus.RUNNING)
    engine.stored_output["run-1"] = [
        a_line("look/2/model", "first words"),
        a_line("look/1/model", "of another turn"),
        a_line("look/2/model", "\x1b[2Jturn 9 · ours"),
    ]
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("▾ turn 3 · running")
        await stage.shows("│ first words")
        await stage.shows("│ ␛[2Jturn 9 · ours")
        assert "another turn" not in stage.text()
        engine.stored_coming["run-1"] = [a_line("look/2/model", "and it goes")]
        await stage.shows("│ and it goes")
        engine.stored_coming["run-1"] = [a_line("look/2/model", "and it goes on")]
        await stage.shows("│ and it goes on")
        assert turns_of(stage).at_end
        engine.stored_steps["run-1"] = long_steps(3)
        engine.stored_coming.clear()
        engine.news()
        await stage.shows("│ answer 3")
        assert "and it goes" not in stage.text()


async def test_a_turn_that_is_folded_while_its_model_speaks_is_whole_when_it_is_unfolded(
    console: OpenConsole,
) -> None:
    engine = an_engine()
    engine.stored_steps["run-1"] = (
        *agent_steps()[:-1],
        a_step("look/1/message", type="message", output={"values": {"text": "Look again."}}),
        agent_steps()[-1],
    )
    engine.stored_output["run-1"] = [a_line("look/1/model", "first words")]
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("│ first words")
        table = turns_of(stage)
        whole = table.blocks[2].lines
        assert whole is not None
        assert "│ Look again." in whole
        table.set_open(2, opened=False)
        await stage.until(lambda: "first words" not in stage.text(), "the turn is folded")
        table.set_open(2, opened=True)
        await stage.until(lambda: table.blocks[2].lines == whole, "all of it")
        engine.stored_output["run-1"].append(a_line("look/1/model", "more words"))
        more = (*whole, "│ more words")
        await stage.until(lambda: table.blocks[2].lines == more, "what came since")


async def test_what_the_agent_was_told_unfolds_after_the_conversation_went_on(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine, size=(100, 40)) as stage:
        await opened(stage)
        table = turns_of(stage)
        table.set_open(0, opened=False)
        await stage.until(lambda: "│ What is there?" not in stage.text(), "it is folded")
        engine.stored_steps["run-1"] = answered()
        engine.news()
        await stage.shows("There are beans.")
        table.set_open(0, opened=True)
        await stage.shows("│ What is there?")
        assert "turn 0" not in stage.text()
        assert "what it was told" in stage.text()


async def test_an_end_that_is_none_any_more_is_not_under_the_cursor(console: OpenConsole) -> None:
    error = RunError(code="loop_detected", message="again and again")
    told, *turns = answered()
    engine = FakeEngine().add(a_run(status=RunStatus.FAILED))
    engine.stored_steps["run-1"] = (
        told.model_copy(update={"status": StepStatus.FAILED, "error": error}),
        *turns,
    )
    async with console(engine, size=(100, 40)) as stage:
        await opened(stage)
        await stage.shows("loop_detected")
        await stage.press("G")
        engine.stored_steps["run-1"] = (told, *turns)
        engine.news()
        await stage.until(lambda: "loop_detected" not in stage.text(), "it has not ended")
        await stage.press("enter", "y")
        await stage.on(ConversationScreen)


async def test_who_reads_further_up_stays_there_while_a_model_speaks(console: OpenConsole) -> None:
    engine = a_long_engine(60, StepStatus.RUNNING)
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("▾ turn 60 · running")
        turns_of(stage).show_source(45, 1)
        await stage.shows("│ answer 45")
        engine.stored_output["run-1"] = [a_line("look/59/model", f"line {n}") for n in range(1, 50)]
        await stage.until(lambda: len(turns_of(stage).blocks[60].lines or ()) == 49, "what it says is there")
        assert (turns_of(stage).current, turns_of(stage).source) == (45, 1)
        assert "│ answer 45" in stage.text()
