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

from textual.widget import Widget

from screens.frame.screen import ConsoleScreen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.style import Style
    from textual.app import App
    from textual.strip import Strip
    from textual.worker import Worker

_NAMES = (*ascii_letters, *(f"{one}{other}" for one in "xyz" for other in ascii_letters))


def strips(app: App[int]) -> list[Strip]:
    """What the terminal shows, line by line."""
    return app.screen._compositor.render_strips(app.size)[: app.size.height]


def shown(app: App[int]) -> str:
    """The characters that the terminal shows.

    Widgets paint over what lies below them, which is a tenth of the work of putting their lines together;
    only where a character is wider than a cell that has to be done.
    """
    width, height = app.size
    painted = [[" "] * width for _ in range(height)]
    for region, clip, lines in reversed(list(app.screen._compositor._get_renders(app.size.region))):
        seen = region.intersection(clip)
        for y, line in zip(seen.line_range, lines, strict=False):
            text = line.text
            if len(text) != line.cell_length:
                return "\n".join(drawn.text for drawn in strips(app))
            if 0 <= y < height:
                painted[y][seen.x : seen.x + len(text)] = text
    return "\n".join("".join(line) for line in painted)


def unfinished(app: App[int]) -> list[str]:
    """What is still under way: work that was asked for, messages on their way, parts that are not drawn."""
    parts = [part for screen in app.screen_stack for part in screen.walk_children(Widget, with_self=True)]
    return [
        *(worker.group for worker in app.workers if not worker.is_finished and not _waits(worker)),
        *(str(node) for node in (app, *parts) if node.message_queue_size or node._next_callbacks),
        *(str(app.screen) for under_way in (app.screen._dirty_widgets, app.screen._callbacks) if under_way),
        *(str(part) for part in parts if part.screen is app.screen and _to_be_drawn(part)),
    ]


def _waits(worker: Worker[object]) -> bool:
    """For news, or until the next load may come."""
    node = worker.node
    return worker.group == "feed" or (
        worker.group == "refresh" and isinstance(node, ConsoleScreen) and node.refresher.idle
    )


def _to_be_drawn(part: Widget) -> bool:
    flags = (part._layout_required, part._scroll_required, part._repaint_required, part._recompose_required)
    return any(flags) and all(node.display for node in part.ancestors_with_self)


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
