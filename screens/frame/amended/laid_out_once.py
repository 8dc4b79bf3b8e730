"""Screens that are laid out when something is other, and not whenever Textual tells their size again.

A screen that opens is told its size three times, and learns only after its first layout whether it is narrow
or low: four layouts before it stood still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen, ScreenResultType

if TYPE_CHECKING:
    from textual.geometry import Size


class LaidOutOnce(Screen[ScreenResultType]):
    """What of it needs another layout says so, as everything in Textual does."""

    def _screen_resized(self, size: Size) -> None:
        if size != self._size:
            super()._screen_resized(size)

    def _refresh_layout(self, size: Size | None = None, scroll: bool = False) -> None:
        if size is not None and size != self._size:
            self._follow_breakpoints(size)
        super()._refresh_layout(size, scroll)

    def _follow_breakpoints(self, size: Size) -> None:
        """As Textual does after a layout."""
        wide, high = self.HORIZONTAL_BREAKPOINTS or [], self.VERTICAL_BREAKPOINTS or []
        now = self._get_breakpoint_classes(size.width, wide) | self._get_breakpoint_classes(size.height, high)
        held = {name: name in now for _, name in (*wide, *high)}
        if held:
            self.update_classes(held, animate=False)
