"""A table alone on a screen, over rows that are made on demand."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual import on
from textual.app import App

from engine.safe_text import sanitize
from screens.widgets.tables.columns import Column
from screens.widgets.tables.paged_table import PagedTable
from screens.widgets.tables.rows import Cell, Row
from tests.screens.stillness import press, settle
from vasini_tui.console.themes.themes import load_theme

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from textual.app import ComposeResult
    from textual.strip import Strip

MILLION = 1_000_000


@dataclass
class FakeSource:
    """Rows made on demand: numbers, the newest (`first`) on top when it counts down. Records what is read."""

    length: int = MILLION
    first: int = 0
    reads: list[tuple[int, int]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    async def count(self) -> int:
        return self.length

    async def rows(self, start: int, stop: int) -> Sequence[Row]:
        self.reads.append((start, stop))
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return [
            Row(str(place + self.first), (Cell(sanitize(f"row {place + self.first}")),))
            for place in range(start, min(stop, self.length))
        ]

    async def position(self, key: str) -> int | None:
        place = int(key) - self.first
        return place if 0 <= place < self.length else None


class WatchedTable(PagedTable):
    """Records which lines of the screen are drawn."""

    drawn: list[int]

    def render_line(self, y: int) -> Strip:
        self.drawn.append(y)
        return super().render_line(y)


class TableApp(App[None]):
    """Nothing but a table."""

    def __init__(self, *, follow: bool) -> None:
        super().__init__()
        self.register_theme(load_theme("vasini-dark"))
        self.theme = "vasini-dark"
        self.animation_level = "none"
        self.follow = follow
        self.heard: list[str] = []
        self.failures: list[Exception] = []

    def compose(self) -> ComposeResult:
        self.table = WatchedTable([Column("Row", 10, flex=1)], follow=self.follow)
        self.table.drawn = []
        yield self.table

    @on(PagedTable.Highlighted)
    def note_key(self, message: PagedTable.Highlighted) -> None:
        self.heard.append(message.key)

    @on(PagedTable.LoadFailed)
    def note_failure(self, message: PagedTable.LoadFailed) -> None:
        self.failures.append(message.error)


@dataclass
class Bench:
    """A table of 19 visible rows on a source."""

    app: TableApp
    source: FakeSource

    @property
    def table(self) -> WatchedTable:
        return self.app.table

    def lines(self) -> list[str]:
        strips = self.app.screen._compositor.render_strips(self.app.size)
        return ["".join(segment.text for segment in strip).rstrip(" ▁▂▃▄▅▆▇█▔") for strip in strips]

    async def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            await settle(self.app)
            if condition():
                return
            assert time.monotonic() < deadline, "\n".join(self.lines())
            await asyncio.sleep(0.002)

    async def press(self, *keys: str) -> None:
        await press(self.app, *keys)

    async def read(self) -> None:
        await self.until(lambda: not any("…" in line for line in self.lines()))


@asynccontextmanager
async def bench(source: FakeSource, *, follow: bool = False) -> AsyncIterator[Bench]:
    app = TableApp(follow=follow)
    async with app.run_test(size=(40, 20)):
        made = Bench(app, source)
        made.table.focus()
        made.table.set_source(source)
        await made.table.reload()
        await settle(app)
        yield made
