"""The line that names the panes of a screen; the one that is shown is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.message import Message

from engine.safe_text import sanitize
from screens.widgets.plain import Part, Plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual import events

_BEFORE, _BETWEEN = " ", "   "


class Tabs(Plain):
    """`titles` by the name of their pane, in their order. A click on one is as the keys that lead there."""

    class Chosen(Message):
        """Somebody clicked on a pane's title."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, titles: Mapping[str, str], *, id: str) -> None:
        super().__init__(id=id)
        self._titles = titles

    def show_current(self, current: str, note: str = "") -> None:
        """Mark this one; the note stands behind them all."""
        parts: list[Part] = [sanitize(_BEFORE)]
        for name, title in self._titles.items():
            style = "bold underline $key" if name == current else "$quiet"
            parts += [(sanitize(title), style), sanitize(_BETWEEN)]
        self.show(*parts, (sanitize(note), "$quiet"))

    def beside(self, current: str, by: int) -> str:
        """The pane so many places to the right of this one, around the end."""
        names = list(self._titles)
        return names[(names.index(current) + by) % len(names)]

    def on_click(self, event: events.Click) -> None:
        """Tell which title was hit, if one was."""
        start = len(_BEFORE)
        for name, title in self._titles.items():
            width = cell_len(sanitize(title))
            if start <= event.x < start + width:
                self.post_message(self.Chosen(name))
            start += width + len(_BETWEEN)
