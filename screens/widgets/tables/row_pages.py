"""A long list as it was at one moment: its length, and the pages of it that have been read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from screens.widgets.tables.rows import Row

PAGE = 64
"""Rows that are read and kept together."""

KEPT_PAGES = 32


class RowSource(Protocol):
    """A list of any length. Its methods may raise what the engine raises."""

    async def count(self) -> int:
        """How many rows there are."""
        ...

    async def rows(self, start: int, stop: int) -> Sequence[Row]:
        """The rows at the places from `start` up to before `stop`; fewer when the list is shorter by now."""
        ...

    async def position(self, key: str) -> int | None:
        """Where the row of this key is now; None when it is not in the list."""
        ...


class NoRows:
    """The empty list."""

    async def count(self) -> int:
        """None."""
        return 0

    async def rows(self, start: int, stop: int) -> Sequence[Row]:
        """None, wherever."""
        return ()

    async def position(self, key: str) -> int | None:
        """Nowhere."""
        return None


@dataclass(slots=True)
class RowPages:
    """Pages by number. Only the nearest to the last one read are kept."""

    source: RowSource
    count: int = 0
    _pages: dict[int, tuple[Row, ...]] = field(default_factory=dict)

    def row(self, index: int) -> Row | None:
        """The row at this place, None when its page has not been read."""
        number, line = divmod(index, PAGE)
        page = self._pages.get(number, ())
        return page[line] if line < len(page) else None

    def missing(self, start: int, stop: int) -> range:
        """Which places to read so that `start` up to before `stop` are known; whole pages, maybe none."""
        wanted = range(max(0, start) // PAGE, -(-min(stop, self.count) // PAGE))
        absent = [number for number in wanted if number not in self._pages]
        return range(absent[0] * PAGE, (absent[-1] + 1) * PAGE) if absent else range(0)

    async def read(self, places: range) -> None:
        """Read these places, as `missing` gave them."""
        if places:
            self.keep(places, await self.source.rows(places.start, places.stop))

    def keep(self, places: range, rows: Sequence[Row]) -> None:
        """Keep what was read at these places."""
        read = range(places.start // PAGE, places.stop // PAGE)
        for number in read:
            first = number * PAGE - places.start
            self._pages[number] = tuple(rows[first : first + PAGE])
        while len(self._pages) > max(KEPT_PAGES, len(read)):
            del self._pages[max(self._pages, key=lambda number: abs(number - read.start))]

    def rewrite(self, start: int, stop: int, make: Callable[[Row], Row]) -> None:
        """Other cells for the rows of these places; pages elsewhere are forgotten."""
        wanted = range(start // PAGE, -(-stop // PAGE))
        kept = {number: self._pages[number] for number in wanted if number in self._pages}
        self._pages = {number: tuple(make(row) for row in page) for number, page in kept.items()}
