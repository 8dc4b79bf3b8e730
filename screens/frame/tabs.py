"""The line that names the panes of a screen; the one that is shown is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.widgets.plain import Part, Plain

if TYPE_CHECKING:
    from collections.abc import Mapping


class Tabs(Plain):
    """`titles` by the name of their pane, in their order."""

    def __init__(self, titles: Mapping[str, str], *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._titles = titles

    def show_current(self, current: str, note: str = "") -> None:
        """Mark this one; the note stands behind them all."""
        parts: list[Part] = [sanitize(" ")]
        for name, title in self._titles.items():
            style = "bold underline $key" if name == current else "$quiet"
            parts += [(sanitize(title), style), sanitize("   ")]
        self.show(*parts, (sanitize(note), "$quiet"))

    def beside(self, current: str, by: int) -> str:
        """The pane so many places to the right of this one, around the end."""
        names = list(self._titles)
        return names[(names.index(current) + by) % len(names)]
