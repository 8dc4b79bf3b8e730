"""Lines begin without caches: Textual makes seven for each, and most lines use one of them or none.

A screen that is drawn makes hundreds of lines, and many are kept: it took a tenth of the drawing, and most of
what the lines held.
"""

# ruff: noqa: SLF001 - a line sets what is private to it

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from textual.cache import FIFOCache
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.segment import Segment


@cache
def let_lines_begin_light() -> None:
    """Make each cache of a line, as large as Textual wants it, when it is looked into first."""
    whole = Strip([], 0)
    caches = {name: getattr(whole, name) for name in Strip.__slots__}
    sizes = {name: held._maxsize for name, held in caches.items() if isinstance(held, FIFOCache)}

    def begin(self: Strip, segments: Iterable[Segment], cell_length: int | None = None) -> None:
        self._segments = list(segments)
        self._cell_length = cell_length
        self._render_cache = self._link_ids = self._cell_count = None

    def first_looked_into(self: Strip, name: str) -> FIFOCache[object, object]:
        if name not in sizes:
            raise AttributeError(name, name=name, obj=self)
        made: FIFOCache[object, object] = FIFOCache(sizes[name])
        setattr(self, name, made)
        return made

    Strip.__init__ = begin  # type: ignore[method-assign]
    Strip.__getattr__ = first_looked_into  # type: ignore[attr-defined]
