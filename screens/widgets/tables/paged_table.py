"""A table over a list of any length: it reads the pages around the visible rows and keeps a few of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from screens.widgets.tables.line_table import LineTable
from screens.widgets.tables.row_pages import NoRows, RowPages
from screens.widgets.working import begin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events

    from screens.widgets.tables.columns import Column
    from screens.widgets.tables.line_table import LineState
    from screens.widgets.tables.row_pages import RowSource
    from screens.widgets.tables.rows import Row

_TRIES = 3
"""How often a reload starts again because the cursor moved meanwhile."""


class PagedTable(LineTable):
    """Rows that are not read yet are drawn as `…` and fill in; keys never wait for a read.

    `follow` says that a cursor on the last row stays on the last row when more rows come.
    """

    @dataclass
    class LoadFailed(Message):
        """Rows that came into view could not be read; they are tried again with the next `reload`."""

        table: PagedTable
        error: Exception

        @property
        def control(self) -> PagedTable:
            """The table, for `@on` selectors."""
            return self.table

    @dataclass
    class OthersInView(Message):
        """Other rows may be on the screen: it was scrolled, or has another size."""

        table: PagedTable

        @property
        def control(self) -> PagedTable:
            """The table, for `@on` selectors."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        follow: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(columns, id=id, classes=classes)
        self.follow = follow
        self._source: RowSource = NoRows()
        self._afresh = False
        self._shown = RowPages(self._source)
        self._filling = False
        self._one_reload = asyncio.Lock()

    @property
    def row_count(self) -> int:
        """How many rows there were at the last reload."""
        return self._shown.count

    def row_at(self, index: int) -> Row | None:
        """The row at this place, None while it is not read."""
        return self._shown.row(index) if 0 <= index < self._shown.count else None

    def set_source(self, source: RowSource, *, keep_key: bool = False) -> None:
        """Show this list from the next `reload` on.

        It begins at its top (at its end when it is followed), or with the cursor on the same key.
        """
        self._source = source
        self._afresh = self._afresh or not keep_key

    async def reload(self) -> bool:
        """Read the list again: its length, where the row under the cursor is now, and what is visible.

        The cursor stays on its key and that row at its height; True when that row has gone, and the cursor is
        on another one. Rows are replaced at once when all is read; what the source raises is raised here, and
        the rows stay as they are.
        """
        async with self._one_reload:
            for tries in range(1, _TRIES + 1):
                cursor, source = self._cursor, self._source
                fresh = RowPages(source, await source.count())
                if self._source is not source and tries < _TRIES:
                    continue
                moved = await self._moved(fresh)
                await fresh.read(fresh.missing(*self._span(fresh, moved)))
                still = self._cursor == cursor and self._source is source
                if still or tries == _TRIES:
                    return self._swap(fresh, moved)
        return False

    async def move_to(self, key: str) -> bool:
        """Put the cursor on the row of this key; False when there is none."""
        shown = self._shown
        place = await shown.source.position(key)
        if place is None or place >= shown.count:
            return False
        await shown.read(shown.missing(place, place + 1))
        if shown is not self._shown:
            return await self.move_to(key)
        self.go_to(place)
        return True

    def rewrite(self, make: Callable[[Row], Row]) -> None:
        """Other cells for the visible rows, without reading them again."""
        before = self._picture()
        self._shown.rewrite(*self._visible(), make)
        self._draw_changes(before)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Read what came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._fill(margin=self.size.height)
        self.post_message(self.OthersInView(self))

    def on_resize(self, event: events.Resize) -> None:
        """More rows may be visible."""
        super().on_resize(event)
        self._fill()
        self.post_message(self.OthersInView(self))

    @property
    def _at_end(self) -> bool:
        return self.follow and (self._afresh or self._cursor >= self.row_count - 1)

    async def _moved(self, fresh: RowPages) -> int:
        """By how many places the row under the cursor has moved."""
        key = self.cursor_key
        if self._afresh or self._at_end or not key:
            return 0
        cursor = self._cursor
        found = await fresh.source.position(key)
        return 0 if found is None else found - cursor

    def _span(self, fresh: RowPages, moved: int) -> tuple[int, int]:
        """The places that may be visible when the cursor has moved so."""
        first, stop = self._visible()
        height = self.size.height
        if self._at_end:
            return fresh.count - height, fresh.count
        if self._afresh:
            return 0, height
        if first <= self._cursor < stop:
            cursor = min(self._cursor + moved, fresh.count)
            return cursor - height, cursor + height
        return first + moved, first + moved + height

    def _swap(self, fresh: RowPages, moved: int) -> bool:
        before, key = self._picture(), self.cursor_key
        at_end, afresh = self._at_end, self._afresh and self._source is fresh.source
        self._shown = fresh
        if afresh:
            self._afresh = False
            self.scroll_to(y=0, animate=False, force=True)
            self._rows_changed(fresh.count - 1 if at_end else 0, 0)
        else:
            self._rows_changed(fresh.count - 1 if at_end else self._cursor + moved, moved)
        self._draw_and_post(before, key)
        self._fill()
        return bool(key) and not afresh and not at_end and self.cursor_key != key

    def _fill(self, margin: int = 0) -> None:
        if not self._filling and self._missing(margin):
            self._filling = True
            begin(self, self._read_visible, group="rows")

    def _missing(self, margin: int) -> range:
        """Places to read among the visible ones, and so many more on both sides."""
        first, stop = self._visible()
        return self._shown.missing(first - margin, stop + margin)

    async def _read_visible(self) -> None:
        """Read until nothing is missing of what is visible by then: places passed over are not read."""
        try:
            while places := self._missing(self.size.height):
                shown = self._shown
                rows = await shown.source.rows(places.start, places.stop)
                if shown is self._shown:
                    before, key = self._picture(), self.cursor_key
                    shown.keep(places, rows)
                    self._draw_and_post(before, key)
        except Exception as error:  # noqa: BLE001 - edge: told on the screen, which reads again
            self.post_message(self.LoadFailed(self, error))
        finally:
            self._filling = False

    def _draw_and_post(self, before: Sequence[LineState], key: str) -> None:
        self._draw_changes(before)
        if self.cursor_key != key:
            self.post_message(self.Highlighted(self, self.cursor_key))
