"""A screen as text that can be compared and read: its characters, and under them the styles of each theme.

    80x24
    |what the terminal shows
    vasini-dark
    a bold #d5daf0 on #222636
    0 a8 b72

A style line has the number of a line, then runs of a style letter and a number of cells; lines whose
styles are those of the line before are left out.
"""

from __future__ import annotations

from itertools import groupby
from string import ascii_letters
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.style import Style
    from textual.app import App
    from textual.strip import Strip

_NAMES = (*ascii_letters, *(f"{one}{other}" for one in "xyz" for other in ascii_letters))


def strips(app: App[int]) -> list[Strip]:
    """What the terminal shows, line by line."""
    return app.screen._compositor.render_strips(app.size)[: app.size.height]


def characters(lines: Iterable[Strip]) -> list[str]:
    return [f"|{''.join(segment.text for segment in line).rstrip()}" for line in lines]


def styles(lines: Iterable[Strip]) -> list[str]:
    """A legend, and the runs of each line."""
    legend: dict[str, str] = {}
    runs: list[str] = []
    before = ""
    for number, line in enumerate(lines):
        cells = [(_words(segment.style), segment.cell_length) for segment in line if segment.cell_length]
        named = [
            (legend.setdefault(words, _NAMES[len(legend)]), sum(width for _, width in members))
            for words, members in groupby(cells, lambda cell: cell[0])
        ]
        told = " ".join(f"{name}{width}" for name, width in named)
        if told != before:
            runs.append(f"{number} {told}")
        before = told
    return [*(f"{name} {words}" for words, name in legend.items()), *runs]


def _words(style: Style | None) -> str:
    if style is None:
        return "none"
    flags = [name for name in ("bold", "dim", "italic", "underline", "reverse") if getattr(style, name)]
    color, ground = (one.name if one else "default" for one in (style.color, style.bgcolor))
    return " ".join([*flags, color, "on", ground])
