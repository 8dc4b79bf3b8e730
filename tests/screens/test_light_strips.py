"""Lines that make their caches when these are looked into are the lines that Textual makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.segment import Segment
from textual.cache import FIFOCache
from textual.strip import Strip

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole

CACHES = {
    "_divide_cache": 4,
    "_crop_cache": 16,
    "_style_cache": 16,
    "_filter_cache": 4,
    "_line_length_cache": 4,
    "_crop_extend_cache": 4,
    "_offsets_cache": 4,
}


async def test_a_line_has_the_caches_of_textual_once_they_are_looked_into(console: OpenConsole) -> None:
    async with console():
        line = Strip(iter([Segment("one"), Segment("two")]))
        held = {name for name in Strip.__slots__ if _holds(line, name)}
        assert held == set(Strip.__slots__) - set(CACHES)
        assert line.crop(1, 4) is line.crop(1, 4)
        assert (line.text, line.cell_length, line.crop(1, 4).text) == ("onetwo", 6, "net")
        made = {name: getattr(line, name) for name in CACHES}
        assert {
            name: cache._maxsize for name, cache in made.items() if isinstance(cache, FIFOCache)
        } == CACHES
        with pytest.raises(AttributeError, match="no_cache"):
            line.no_cache  # type: ignore[attr-defined]  # noqa: B018


def _holds(line: Strip, slot: str) -> bool:
    """Whether it is set, without the asking that makes it."""
    try:
        object.__getattribute__(line, slot)
    except AttributeError:
        return False
    return True
