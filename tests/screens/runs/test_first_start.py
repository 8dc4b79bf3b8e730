"""A workspace where nothing has run says what to do next; the top line says as much as there is room for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from screens.frame.bars.header import Counters
from screens.runs.screen import RunsScreen
from screens.runs.start import StartScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.runs import FakeRuns
from tests.fakes.views import a_flow, a_form, a_pack, a_run, ago, an_approval
from vasini_tui.console.options import ConsoleOptions

if TYPE_CHECKING:
    from datetime import datetime

    from engine.contracts.runs.run import RunCounts
    from tests.screens.conftest import OpenConsole


async def test_the_first_start_says_what_to_do_next_with_the_keys_in_force(console: OpenConsole) -> None:
    async with console(FakeEngine(), size=(80, 24), keys={"runs.create": ["C"]}) as stage:
        await stage.shows("What to do next")
        text = stage.plain(".empty-text")
        assert "  C       start a run" in text
        assert "vasini run hello/hello" in text
        assert "vasini --demo" in text
        await stage.press("C")
        await stage.on(StartScreen)


async def test_in_the_demonstration_no_command_is_named_that_would_not_reach_it(console: OpenConsole) -> None:
    async with console(FakeEngine(), options=ConsoleOptions(label="DEMO")) as stage:
        await stage.shows("The first runs begin in a moment")
        text = stage.plain(".empty-text")
        assert "start a run" in text
        assert "vasini" not in text
        await stage.press("q")
        await stage.shows("DEMO: everything in it is gone then.")


async def test_the_last_line_of_an_empty_list_offers_nothing_that_needs_a_row(console: OpenConsole) -> None:
    engine = FakeEngine()
    async with console(engine, size=(120, 30)) as stage:
        await stage.shows("What to do next")
        bar = stage.plain("#keys")
        assert bar.split() == ["c", "Create", "/", "Filter", ":", "Palette", "?", "Help"]
        for view, words in (("2", "No approval waits"), ("3", "No form waits")):
            await stage.press(view)
            await stage.shows(words)
            assert stage.plain("#keys").split() == [":", "Palette", "?", "Help"]
        engine.add(a_run(), a_form(), an_approval())
        engine.news()
        for view, words in (("1", "x Cancel"), ("2", "a Approve"), ("3", "Enter Open")):
            await stage.press(view)
            await stage.shows(words)


async def test_flows_that_nobody_has_to_start_come_last(console: OpenConsole) -> None:
    packs = (
        a_pack(a_flow("soft-cap", pack="budget"), pack="budget"),
        a_pack(a_flow("report", pack="outside"), pack="outside"),
        a_pack(),
        a_pack(a_flow("triage", pack="zeal"), pack="zeal"),
    )
    async with console(FakeEngine(stored_packs=packs)) as stage:
        await stage.press("c")
        await stage.shows("budget/soft-cap")
        keys = [row.key for row in stage.table("#flows").rows]
        assert keys == ["hello/hello", "zeal/triage", "budget/soft-cap", "outside/report"]
        assert stage.table("#flows").cursor_key == "hello/hello"


async def test_the_hint_goes_with_the_first_run_and_is_no_answer_to_a_filter(console: OpenConsole) -> None:
    engine = FakeEngine()
    async with console(engine) as stage:
        await stage.shows("What to do next")
        engine.add(a_run())
        screen = stage.app.screen
        assert isinstance(screen, RunsScreen)
        screen.refresher.ask()
        await stage.shows("● running")
        assert "What to do next" not in stage.text()
        await stage.press("/")
        await stage.write("nothing-like-it")
        await stage.shows("No run matches the filter")
        assert "What to do next" not in stage.text()


async def test_counters_drop_their_words_where_they_do_not_fit(console: OpenConsole) -> None:
    engine = FakeEngine().add(
        *(a_run(f"run-{number}", RunStatus.FAILED, finished_at=ago(9)) for number in range(3))
    )
    async with console(engine, size=(60, 24)) as stage:
        await stage.shows("✗ 3")
        counters = str(stage.app.screen.query_one(Counters).content)
        assert counters.split() == ["●", "0", "◆", "0", "▣", "0", "✗", "3"]
        assert stage.plain(".views").split() == ["1", "Runs", "2", "3", "4", "5"]
        await stage.resize(120, 30)
        await stage.shows("✗ 3 failed")
        await stage.shows("2 Approvals")


class FakeSlowRuns(FakeRuns):
    """Answers nothing before the gate is open."""

    gate: asyncio.Event

    async def counts(self, *, tenant: str | None = None, failed_after: datetime | None = None) -> RunCounts:
        await self.gate.wait()
        return await super().counts(tenant=tenant, failed_after=failed_after)


async def test_a_first_load_that_takes_long_says_so_until_it_is_there(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    engine.runs = slow = FakeSlowRuns(engine)
    slow.gate = asyncio.Event()
    async with console(engine) as stage:
        await stage.shows("Reading …")
        slow.gate.set()
        await stage.shows("● running")
        await stage.until(lambda: "Reading …" not in stage.text())
