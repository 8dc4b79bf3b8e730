"""A pane that knows whether a person can have read it to the end of what matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from screens.frame.screen import too_small
from screens.widgets.plain import TextPane

if TYPE_CHECKING:
    from textual.screen import Screen
    from textual.widget import Widget


class ReadPane(TextPane):
    """A pane that has to be read: `end_seen` once the end of `last_part` was in view, until `begin_again`."""

    class EndSeen(Message):
        """The end has come into view for the first time."""

    end_seen = False
    _told_layouts = 0
    """How many layouts its parts had asked for when it was laid out last."""

    def last_part(self) -> Widget | None:
        """The part whose end has to be seen; the whole text without one."""
        return None

    def on_mount(self) -> None:
        """Whatever moves, grows or scrolls lays the screen out."""
        self.screen.screen_layout_refresh_signal.subscribe(self, self._laid_out, immediate=True)

    def begin_again(self) -> None:
        """What is shown is new, from its first line."""
        self.end_seen = False
        self.scroll_home(animate=False, immediate=True)

    def lines_left(self) -> int:
        """Lines up to the end that are below what is in view."""
        return max(0, self._end() - self.scroll_offset.y - self.scrollable_content_region.height)

    @property
    def goes_on(self) -> bool:
        """Whether the end has not been seen, and is out of sight."""
        return not self.end_seen and not self._end_in_view()

    def action_scroll_end(self) -> None:
        """To the end that has to be seen; from there to the last line. What is new has its place soon."""
        if self._is_new:
            self.call_after_refresh(self._to_end)
        else:
            self._to_end()

    def _to_end(self) -> None:
        if self.end_seen:
            super().action_scroll_end()
        else:
            self.scroll_to(y=self._end() - self.scrollable_content_region.height, animate=False)

    def _end_in_view(self) -> bool:
        return self._end() > self.scroll_offset.y and not self.lines_left()

    def _end(self) -> int:
        """Below which line of all the end is."""
        part = self.last_part()
        return self.virtual_size.height if part is None else part.virtual_region.bottom

    def _laid_out(self, screen: Screen[object]) -> None:
        self._told_layouts = self._layout_updates
        # Places of what changed since, or of what nobody sees, say nothing about what was read.
        if not screen.is_current or too_small(screen):  # behind the words that ask for a larger terminal
            return
        if not self._is_new:
            self._note_end_seen()

    @property
    def _is_new(self) -> bool:
        """Whether something of it has not been laid out yet: it has not asked for that, or was not heard."""
        unheard = self._layout_updates != self._told_layouts
        return unheard or any(part._layout_required for part in (self, *self.children))  # noqa: SLF001

    def _note_end_seen(self) -> None:
        part = self.last_part()
        laid_out = (self if part is None else part).size.height > 0
        if laid_out and not self.end_seen and self._end_in_view():
            self.end_seen = True
            self.post_message(self.EndSeen())
