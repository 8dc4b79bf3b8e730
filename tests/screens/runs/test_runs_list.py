"""The list of runs: any length, filters with names, orders, marks, verbs on several, counters, bad times."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from engine.contracts.packs.pack import Problem
from engine.contracts.runs.listed import Page, RunFilter, RunSort, RunSummary
from engine.contracts.status import CancelMode, RunStatus
from engine.errors import ErrorCode, Unavailable
from engine.facade.feed import FeedBatch, PackListChanged
from screens.forms.screen import FormScreen
from screens.frame.inputs import SafeInput
from screens.run_verbs.bulk import BulkDialog
from screens.run_verbs.cancel_menu import CancelMenu
from screens.runs.saved_filters import SavedFiltersDialog
from screens.runs.screen import RunsScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.run_lists import summary_of
from tests.fakes.runs import FakeRuns
from tests.fakes.views import NOW, a_form, a_pack, a_run, ago

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage

MILLION = 1_000_000


def keys_of(stage: Stage) -> list[str]:
    return [row.key for row in stage.paged("#runs").visible_rows]


async def in_order(stage: Stage, keys: list[str]) -> None:
    await stage.until(lambda: keys_of(stage) == keys)


@dataclass
class FakeManyRuns(FakeRuns):
    """A million runs that are made when they are read; every fourth failed. Counts what is read."""

    read: int = 0

    def length(self, filters: RunFilter | None) -> int:
        return MILLION // 4 if filters and filters.status else MILLION

    async def list(
        self,
        filters: RunFilter | None = None,
        *,
        sort: RunSort = RunSort.NEWEST,
        limit: int = 50,
        after: str | None = None,
        offset: int = 0,
    ) -> Page[RunSummary]:
        step = MILLION // self.length(filters)
        self.read += limit
        places = range(offset, min(offset + limit, self.length(filters)))
        numbers = [place if sort is RunSort.OLDEST else self.length(filters) - 1 - place for place in places]
        runs = [a_run(f"run-{number * step:07}", RunStatus.FAILED) for number in numbers]
        return Page[RunSummary](items=tuple(summary_of(run) for run in runs))

    async def count(self, filters: RunFilter | None = None) -> int:
        return self.length(filters)

    async def position(
        self, run_id: str, filters: RunFilter | None = None, *, sort: RunSort = RunSort.NEWEST
    ) -> int | None:
        place, left = divmod(int(run_id.removeprefix("run-")), MILLION // self.length(filters))
        return None if left else place if sort is RunSort.OLDEST else self.length(filters) - 1 - place


@dataclass
class FakeSlowRuns(FakeRuns):
    """Counting takes until the gate is open."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def count(self, filters: RunFilter | None = None) -> int:
        await self.gate.wait()
        return await super().count(filters)


async def test_a_million_runs_are_walked_filtered_and_sorted(console: OpenConsole) -> None:
    engine = FakeEngine()
    runs = FakeManyRuns(engine)
    engine.runs = runs
    async with console(engine, size=(140, 32)) as stage:
        await stage.shows("1 of 1,000,000")
        await stage.still()
        assert keys_of(stage)[0] == "run-0999999"
        await stage.press("G")
        await stage.shows("run-0000000")
        await stage.press("k", "k", "k")
        await stage.shows("999,997 of 1,000,000")
        await stage.press("S")
        await stage.shows("4 of 1,000,000")
        assert stage.paged("#runs").cursor_key == "run-0000003"
        await stage.press("/")
        await stage.write("failed")
        await stage.shows("1 of 250,000")
        await stage.press("enter", "j", "j")
        await stage.until(lambda: stage.paged("#runs").cursor_key == "run-0000008")
        await stage.press("escape")
        await stage.shows("9 of 1,000,000")
        assert stage.paged("#runs").cursor_key == "run-0000008"
        assert runs.read < 3_000


async def test_faults_of_the_filter_are_told_while_typing(console: OpenConsole) -> None:
    engine = FakeEngine().add(
        a_run("run-1", created_at=ago(7200)), a_run("run-2", created_at=ago(60), requested_by="carol")
    )
    async with console(engine) as stage:
        await stage.until(lambda: len(keys_of(stage)) == 2)
        await stage.press("/")
        await stage.write("age:<1")
        await stage.shows("not applied: age: wants < or >")
        await stage.write("h")
        await stage.until(lambda: keys_of(stage) == ["run-2"])
        assert "not applied" not in stage.text()
        await stage.press("escape")
        await stage.press("/")
        await stage.write("by:ana")
        await stage.until(lambda: keys_of(stage) == ["run-1"])
        await stage.press("enter", "/", "right")
        await stage.write(" stauts:x")
        await stage.shows("stauts: is no field")
        assert "not applied" not in stage.text()


async def test_a_filter_in_force_is_replaced_by_the_first_letter_or_edited(console: OpenConsole) -> None:
    engine = FakeEngine().add(
        a_run("run-1", created_at=ago(7200)), a_run("run-2", created_at=ago(60), requested_by="carol")
    )
    async with console(engine) as stage:
        await stage.until(lambda: len(keys_of(stage)) == 2)
        await stage.press("/")
        await stage.write("by:ana")
        await stage.until(lambda: keys_of(stage) == ["run-1"])
        await stage.press("enter", "/")
        await stage.write("carol")
        await stage.until(lambda: keys_of(stage) == ["run-2"])
        await stage.press("enter", "/", "left")
        await stage.write("by:")
        assert stage.app.screen.query_one("#filter", SafeInput).value == "by:carol"
        await stage.press("enter", "/", "enter")
        await stage.until(lambda: keys_of(stage) == ["run-2"])
        assert stage.app.screen.query_one("#filter", SafeInput).value == "by:carol"


async def test_orders_turn_and_a_cursor_below_the_top_stays_on_its_run(console: OpenConsole) -> None:
    engine = FakeEngine().add(
        a_run("run-1", RunStatus.FAILED, requested_by="zoe"),
        a_run("run-2", pack="a-pack"),
        a_run("run-3", RunStatus.CANCELLED),
    )
    async with console(engine, size=(140, 30)) as stage:
        await in_order(stage, ["run-3", "run-2", "run-1"])
        for words, order in (
            ("oldest first", ["run-1", "run-2", "run-3"]),
            ("by status", ["run-3", "run-1", "run-2"]),
            ("by flow", ["run-2", "run-3", "run-1"]),
        ):
            await stage.press("S")
            await in_order(stage, order)
            assert f"Runs {words}" in stage.notices()
            assert stage.paged("#runs").cursor_row == 0
        await stage.press("j", "S")
        await in_order(stage, ["run-3", "run-2", "run-1"])
        assert stage.paged("#runs").cursor_key == "run-3"
        await stage.shows("By ▲")


async def test_a_filter_is_saved_used_and_deleted(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run("run-1", RunStatus.FAILED), a_run("run-2"))
    async with console(engine) as stage:
        await stage.until(lambda: len(keys_of(stage)) == 2)
        await stage.press("s")
        await stage.on(SavedFiltersDialog)
        await stage.shows("None yet: / and type a filter, then s saves it")
        await stage.press("D", "enter", "escape", "/")
        await stage.write("status:failed")
        await stage.press("enter", "s")
        await stage.shows("Save this one: status:failed")
        await stage.press("enter")
        await stage.shows("The filter needs a name")
        await stage.write("bad ones")
        await stage.press("enter")
        await stage.shows("Saved bad ones")
        await stage.press("escape", "escape")
        await stage.until(lambda: len(keys_of(stage)) == 2)
        await stage.press("s")
        await stage.shows("bad ones")
        await stage.press("enter")
        await stage.on(RunsScreen)
        await stage.until(lambda: keys_of(stage) == ["run-1"])
        await stage.shows("status:failed")
        await stage.press("s")
        await stage.shows("bad ones")
        await stage.press("D")
        await stage.shows("Deleted bad ones: status:failed")
        await stage.press("escape")
        assert await engine.saved_filters.list("ben") == ()


async def test_too_long_a_name_is_told(console: OpenConsole) -> None:
    async with console(FakeEngine()) as stage:
        await stage.press("/", "x", "enter", "s")
        await stage.shows("Save this one: x")
        await stage.until(lambda: stage.app.focused is stage.app.screen.query_one("#name"))
        stage.app.screen.query_one("#name", SafeInput).value = "n" * 61
        await stage.press("enter")
        await stage.shows("At most 60 characters")


async def test_saved_filters_that_cannot_be_read_are_told(console: OpenConsole) -> None:
    engine = FakeEngine()
    async with console(engine) as stage:
        await stage.shows("No runs yet")
        engine.failures["saved_filters"] = Unavailable(ErrorCode.JOURNAL_LOCKED, "The journal is held.")
        await stage.press("s")
        await stage.until(lambda: "journal_locked: The journal is held." in stage.notices())
        await stage.press("escape")
        await stage.on(RunsScreen)


def four_runs() -> FakeEngine:
    return FakeEngine().add(
        a_run("run-1", RunStatus.PAUSED),
        a_run("run-2"),
        a_run("run-3"),
        a_run("run-4", RunStatus.COMPLETED),
    )


async def test_several_marked_runs_are_paused_and_resumed(console: OpenConsole) -> None:
    engine = four_runs()
    async with console(engine) as stage:
        await stage.until(lambda: len(keys_of(stage)) == 4)
        await stage.press("j", "space", "space", "space", "p")
        await stage.on(BulkDialog)
        await stage.shows("Pause: 3 runs?")
        await stage.shows("● 2 running, ‖ 1 paused")
        await stage.press("enter")
        await stage.shows("Enter does nothing: F2 is pause, Esc closes")
        await stage.press("escape")
        await stage.on(RunsScreen)
        assert not engine.asked("pause")
        await stage.shows("3 marked · 4 of 4")
        await stage.press("p")
        await stage.on(BulkDialog)
        await stage.press("f2")
        await stage.until(lambda: "1 was already, 2 paused." in stage.notices())
        assert engine.asked("pause") == [("run-1", "ben"), ("run-2", "ben"), ("run-3", "ben")]
        await stage.until(lambda: "marked" not in stage.text())
        await stage.press("k", "k", "space", "space", "p")
        await stage.shows("Resume: 2 runs?")
        await stage.press("f2")
        await stage.until(lambda: "2 going on." in stage.notices())


@pytest.mark.parametrize(("downs", "mode"), [(("j",), CancelMode.BOUNDARY), (("j", "j"), CancelMode.NOW)])
async def test_several_marked_runs_are_cancelled(
    console: OpenConsole, downs: tuple[str, ...], mode: CancelMode
) -> None:
    engine = four_runs()
    async with console(engine) as stage:
        await stage.until(lambda: len(keys_of(stage)) == 4)
        await stage.press("j", "space", "space", "x")
        await stage.on(CancelMenu)
        await stage.shows("2 marked: ● 2 running")
        await stage.press(*downs, "enter")
        await stage.on(BulkDialog)
        assert not engine.asked("cancel")
        await stage.press("f2")
        await stage.until(lambda: "2 cancelled." in stage.notices())
        assert engine.asked("cancel_mode") == [mode, mode]


async def test_a_refusal_is_told_and_its_mark_stays(console: OpenConsole) -> None:
    engine = four_runs().add(a_run("run-4", RunStatus.FAILED, started_at=NOW))
    async with console(engine) as stage:
        await stage.until(lambda: len(keys_of(stage)) == 4)
        await stage.press("space", "space", ".")
        await stage.shows("Retry: 2 runs?")
        await stage.press("f2")
        told = "1 refused (invalid_transition), 1 going on at the failed step. run run-3 is RUNNING"
        await stage.until(lambda: told in stage.notices())
        assert stage.paged("#runs").selected == {"run-3"}
        await stage.press("escape")
        assert not stage.paged("#runs").selected


async def test_marks_of_runs_that_are_gone_open_no_question(console: OpenConsole) -> None:
    engine = four_runs()
    async with console(engine) as stage:
        await stage.until(lambda: len(keys_of(stage)) == 4)
        await stage.press("space")
        engine.stored_runs.clear()
        await stage.press("p")
        await stage.until(lambda: "The marked runs are gone." in stage.notices())
        assert not stage.paged("#runs").selected


async def test_a_run_that_the_filter_hides_is_shown_when_it_is_asked_for(console: OpenConsole) -> None:
    engine = four_runs()
    async with console(engine) as stage:
        await stage.until(lambda: len(keys_of(stage)) == 4)
        await stage.press("/")
        await stage.write("status:completed")
        await stage.until(lambda: keys_of(stage) == ["run-4"])
        stage.app.show_in("runs", "run-2")
        await stage.until(lambda: stage.paged("#runs").cursor_key == "run-2")
        assert len(keys_of(stage)) == 4


async def test_a_list_that_cannot_be_read_again_says_how_old_it_is(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    async with console(engine) as stage:
        await stage.shows("● running")
        engine.failures["list"] = Unavailable(ErrorCode.JOURNAL_LOCKED, "Another process holds the journal.")
        engine.news()
        await stage.shows("trying again, as of 09:26:53 UTC")
        await stage.shows("● running")
        engine.feed.publish(Unavailable(ErrorCode.ENGINE_STOPPED, "gone"))
        await stage.shows("offline: engine_stopped: gone · as of 09:26:53 UTC")


async def test_a_slow_filter_says_that_it_is_being_read(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    engine.runs = runs = FakeSlowRuns(engine)
    runs.gate.set()
    async with console(engine) as stage:
        await stage.shows("● running")
        runs.gate.clear()
        await stage.press("/", "a", "n")
        await stage.shows("reading …")
        runs.gate.set()
        await stage.until(lambda: "reading …" not in stage.text())


async def test_a_first_load_that_fails_says_that_nothing_is_read_yet(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    engine.failures["list"] = Unavailable(ErrorCode.JOURNAL_LOCKED, "Another process holds the journal.")
    async with console(engine) as stage:
        await stage.shows("trying again, nothing read yet")


async def test_broken_packs_are_counted_and_named(console: OpenConsole) -> None:
    engine = FakeEngine()
    async with console(engine, size=(110, 30)) as stage:
        await stage.shows("✗ 0 failed")
        assert "broken" not in stage.text()
        broken = a_pack(problems=(Problem(file="flows/a.yaml", line=7, message="no such tool"),))
        engine.stored_packs = (broken,)
        engine.feed.publish(FeedBatch(notices=(PackListChanged(),)))
        await stage.shows("▲ 1 broken pack")
        await stage.press("!")
        await stage.until(lambda: "Pack hello is broken: flows/a.yaml:7: no such tool" in stage.notices())


async def test_a_click_on_the_counters_goes_to_what_waits_longest(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), a_form())
    async with console(engine, size=(110, 30)) as stage:
        await stage.shows("▣ 1 form")
        await stage.pilot.click(".counters")
        await stage.on(FormScreen)


async def test_the_first_runs_of_an_empty_list_come_without_a_bar_to_scroll(console: OpenConsole) -> None:
    engine, bars = FakeEngine(), list[bool]()
    async with console(engine) as stage:
        await stage.shows("No runs yet")
        table = stage.paged("#runs")
        stage.app.screen.screen_layout_refresh_signal.subscribe(
            stage.app, lambda screen: bars.append(table.vertical_scrollbar in screen._compositor.full_map)
        )
        engine.add(a_run("run-1"), a_run("run-2"))
        engine.news()
        await stage.shows("1 of 2")
        await stage.still()
        assert bars
        assert not any(bars)
