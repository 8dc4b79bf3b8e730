"""The parts below the screens: table, columns, filter, ages, the feed pump, the terminal check."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import nullcontext
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from textual.events import Resize

from engine.contracts.actor import Actor
from engine.errors import ErrorCode, Unavailable
from engine.facade.feed import FeedBatch
from engine.safe_text import sanitize
from screens.frame.console_state import explain
from screens.frame.feed_pump import KEPT_EVENTS, FeedPump
from screens.frame.refresher import Refresher
from screens.run.screen import RunScreen
from screens.run_verbs.cancel_menu import CancelMenu
from screens.widgets.ages import age, next_tick, span
from screens.widgets.json.json_text import SHOWN_CHARACTERS, hides_something, json_text
from screens.widgets.plain import Plain
from screens.widgets.tables.columns import Column, place
from screens.widgets.tables.rows import Cut, fit
from tests.fakes.engine import FakeEngine
from tests.fakes.views import NOW, a_run, ago, an_event_head
from vasini_tui.console.options import ConsoleOptions, Workplace
from vasini_tui.console.running import run_console
from vasini_tui.console.terminal.usable import terminal_problem
from vasini_tui.console.themes.themes import STYLES, THEMES, load_theme, themes_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.screens.conftest import OpenConsole


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


async def test_the_pump_gathers_what_comes_at_once() -> None:
    engine, got = FakeEngine(), list[FeedBatch]()
    task = asyncio.create_task(FeedPump(engine.feed, got.append, lambda _words: None).run())
    await until(lambda: engine.feed.queues)
    await until(lambda: got)
    assert got[0].lagged
    for number in range(1, 501):
        engine.feed.publish(FeedBatch(events=(an_event_head(number),)))
    await until(lambda: sum(len(batch.events) for batch in got) == 500)
    assert len(got) <= 20
    assert [event.run_seq for batch in got for event in batch.events] == list(range(1, 501))
    task.cancel()


async def test_the_pump_drops_the_oldest_and_says_so() -> None:
    engine, got = FakeEngine(), list[FeedBatch]()
    task = asyncio.create_task(FeedPump(engine.feed, got.append, lambda _words: None).run())
    await until(lambda: got)
    events = tuple(an_event_head(number) for number in range(1, KEPT_EVENTS + 501))
    engine.feed.publish(FeedBatch(events=events))
    await until(lambda: len(got) == 2)
    assert got[1].lagged
    assert len(got[1].events) == KEPT_EVENTS
    assert got[1].events[-1].run_seq == KEPT_EVENTS + 500
    task.cancel()


async def test_the_pump_reports_a_broken_feed_and_subscribes_again() -> None:
    engine, states = FakeEngine(), list[str]()
    pump = FeedPump(engine.feed, lambda _batch: None, states.append, retry_seconds=0.001)
    task = asyncio.create_task(pump.run())
    await until(lambda: engine.feed.queues)
    engine.feed.publish(Unavailable(ErrorCode.JOURNAL_LOCKED, "Busy."))
    await until(lambda: engine.feed.subscriptions == 2)
    await until(lambda: states == ["", "journal_locked: Busy.", ""])
    task.cancel()


async def test_what_is_asked_for_at_once_ends_the_load_that_runs(console: OpenConsole) -> None:
    async with console() as stage:
        begun, ended, stuck = list[int](), list[int](), asyncio.Event()

        async def load() -> None:
            begun.append(len(begun))
            if len(begun) == 1:
                await stuck.wait()
            ended.append(len(begun))

        refresher = Refresher(stage.app.screen, load)
        refresher.ask()
        await stage.until(lambda: begun)
        refresher.ask()
        refresher.ask_at_once()
        refresher.ask_at_once()
        await stage.until(lambda: ended)
        assert ended == [2]
        refresher.ask()
        await stage.until(lambda: ended == [2, 3])


async def test_the_header_says_when_no_news_arrive(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    async with console(engine) as stage:
        await stage.shows("tenant default · ben")
        engine.feed.publish(Unavailable(ErrorCode.JOURNAL_LOCKED, "Busy."))
        await stage.shows("! offline: journal_locked: Busy.")


async def test_an_idle_console_reads_nothing_and_draws_nothing(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    async with console(engine) as stage:
        await stage.shows("● running")
        await stage.until(lambda: not any(worker.group == "refresh" for worker in stage.app.workers))
        calls = len(engine.calls)
        timers = {timer.name for node in stage.app.walk_children() for timer in node._timers}
        await stage.settle()
        assert len(engine.calls) == calls
        assert all("blink" not in (name or "") for name in timers)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_console_in_order(console: OpenConsole, number: signal.Signals) -> None:
    async with console() as stage:
        os.kill(os.getpid(), number)
        await stage.until(lambda: stage.app.return_value == 128 + number)


async def test_a_terminal_that_is_too_small_is_told(console: OpenConsole) -> None:
    async with console(size=(59, 24)) as stage:
        await stage.shows("The terminal is too small")
        await stage.resize(60, 20)
        await stage.until(lambda: "too small" not in stage.text())
        await stage.shows("1 Runs")


async def test_without_a_terminal_the_console_refuses_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO())
    opening = nullcontext(Workplace(FakeEngine()))
    with pytest.raises(Unavailable, match="standard input"):
        await run_console(opening, actor=Actor(name="ben"), tenant="default", settings=ConsoleOptions())


class FakeTerminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("redirected", "term", "words"),
    [
        ((), "xterm-256color", None),
        ((), "linux", None),
        ((), "dumb", "TERM=dumb"),
        ((), "", "TERM is not set"),
        (("stderr",), "xterm", "standard error is redirected"),
        (("stdin", "stdout"), "xterm", "standard input and standard output are redirected"),
    ],
)
def test_the_terminal_is_checked_before_anything_is_drawn(
    monkeypatch: pytest.MonkeyPatch, redirected: tuple[str, ...], term: str, words: str | None
) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}", StringIO() if name in redirected else FakeTerminal())
    monkeypatch.setenv("TERM", term)
    problem = terminal_problem()
    assert (problem is None) if words is None else (problem is not None and words in problem)


@pytest.mark.parametrize("name", THEMES)
def test_every_theme_has_every_variable(name: str) -> None:
    theme = load_theme(name)
    wanted = {"quiet", "good", "busy", "waiting", "bad", "key", "cursor", "cursor-blurred"}
    assert set(theme.variables) == wanted
    assert sorted(path.stem for path in themes_folder().glob("*.tcss")) == sorted(STYLES)


def test_columns_share_the_width_and_the_least_needed_leave() -> None:
    columns = (Column("a", 10), Column("b", 10, flex=1), Column("c", 20, rank=1))
    assert [(placed.title, placed.width) for placed in place(columns, 60)] == [
        ("a", 10),
        ("b", 28),
        ("c", 20),
    ]
    assert [(placed.title, placed.width) for placed in place(columns, 30)] == [("a", 10), ("b", 19)]
    assert [placed.title for placed in place(columns, 5)] == ["a", "b"]


def test_a_column_that_needs_room_leaves_before_the_flexible_ones_are_narrow() -> None:
    columns = (Column("subject", 10, flex=1), Column("id", 20, rank=1, room=15))
    assert [placed.title for placed in place(columns, 45)] == ["subject"]
    assert [(placed.title, placed.width) for placed in place(columns, 46)] == [("subject", 25), ("id", 20)]


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 5, "abc  "),
        ("abcdef", 5, "abcd…"),
        ("広広広", 5, "広広…"),
        ("", 2, "  "),
        ("ab", 1, "a"),
        ("a" * 9999, 3, "aa…"),
    ],
)
def test_text_fits_its_column_exactly(text: str, width: int, shown: str) -> None:
    assert fit(text, width) == shown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3660, "1h01m"), (90_000, "1d01h")],
)
def test_ages_show_seconds_only_under_a_minute(seconds: float, words: str) -> None:
    assert age(ago(seconds), NOW) == words


def test_ticks_are_rare_when_nothing_is_young() -> None:
    assert next_tick([], NOW) is None
    assert next_tick([ago(3), ago(5000)], NOW) == 1
    assert next_tick([ago(60)], NOW) == 60


def test_spans_are_short() -> None:
    assert span(NOW, NOW + timedelta(seconds=0.42)) == "0.42s"
    assert span(NOW, NOW + timedelta(seconds=12)) == "12.0s"
    assert span(NOW, None) == ""


def test_long_json_is_cut_with_a_note() -> None:
    text = json_text(["x" * 50_000])
    assert len(text) < SHOWN_CHARACTERS + 200
    assert "more characters: vasini show" in text


def test_hidden_characters_are_found_anywhere_in_a_value() -> None:
    assert hides_something({"a": [{"b\u202e": 1}]})
    assert hides_something({"a": ("x", ["\x1b"])})
    assert not hides_something({"a": [1, None, "plain\ttext\n"]})


def test_an_error_is_told_with_its_code() -> None:
    assert explain(Unavailable(ErrorCode.DISK_FULL, "Full.")) == "disk_full: Full."
    assert sanitize(explain(ValueError("x\x1b"))) == "internal error: ValueError: x␛"


async def test_a_screen_is_laid_out_for_another_size_and_for_what_has_its_size_from_what_it_shows(
    console: OpenConsole,
) -> None:
    async with console(FakeEngine().add(a_run()), size=(80, 24)) as stage:
        await stage.still()
        screen, wide = stage.app.screen, list[bool]()

        def laid_out(_screen: object) -> None:
            wide.append(screen.has_class("-wide"))

        screen.screen_layout_refresh_signal.subscribe(screen, laid_out)
        screen.post_message(Resize(screen.size, screen.size))
        screen.query_one("#keys", Plain).show(sanitize("another text"))
        await stage.settle()
        assert wide == []
        screen.query_one("#about", Plain).show(sanitize("one line\nand another", multiline=True))
        await stage.settle()
        assert wide
        assert not any(wide)
        wide.clear()
        await stage.resize(120, 40)
        assert wide
        assert all(wide)


async def test_a_screen_below_an_opaque_one_draws_nothing_and_below_a_dialog_it_does(
    console: OpenConsole,
) -> None:
    async with console(FakeEngine().add(a_run()), size=(80, 24)) as stage:
        await stage.still()
        runs = stage.app.screen
        about = runs.query_one("#about", Plain)
        await stage.press("x")
        await stage.on(CancelMenu)

        def is_drawn() -> bool:
            about.show(sanitize("in the shade"))  # again: the list may have written its own meanwhile
            return "in the shade" in stage.text()

        await stage.until(is_drawn)
        await stage.press("escape", "enter")
        await stage.on(RunScreen)
        await stage.still()
        about.show(sanitize("out of sight"))
        await stage.settle()
        assert not runs.is_current
        assert about in runs._dirty_widgets


def test_of_a_path_its_end_is_kept() -> None:
    assert fit("/srv/app/out/notes.md", 14, Cut.START) == "…/out/notes.md"
    assert fit("notes.md", 12, Cut.START) == "notes.md    "
    assert fit("/広広広.md", 8, Cut.START) == "…広広.md"
    assert fit("/広広広.md", 7, Cut.START) == "…広.md "


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("hello/hello", 17, "hello/hello      "),
        ("log-triage/incident", 17, "log-tri…/incident"),
        ("senior-python-dev/change-survey", 17, "sen…/change-surv…"),
        ("a/some-very-long-flow", 10, "a/some-ve…"),
        ("↳ ▸3 repo-steward/secret-scan", 20, "↳ ▸3 re…/secret-scan"),
        ("広広広/広広", 10, "広広…/広広"),
        ("pack/flow", 3, "pa…"),
        ("run_01m8m2cg7ykh62va7gwfhjx3dd", 6, "run_0…"),
    ],
)
def test_of_a_flow_that_does_not_fit_its_own_name_stays(text: str, width: int, shown: str) -> None:
    assert fit(text, width, Cut.PACK) == shown
