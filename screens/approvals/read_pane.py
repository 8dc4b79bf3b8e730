"""A pane that knows whether a person can have read it to the end of what matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from screens.widgets.plain import TextPane

if TYPE_CHECKING:
    from textual import events
    from textual.widget import Widget


class ReadPane(TextPane):
    """A pane that has to be read: `end_seen` once the end of `last_part` was in view, until `forget_end`."""

    class EndSeen(Message):
        """The end has come into view for the first time."""

    end_seen = False

    def last_part(self) -> Widget | None:
        """The part whose end has to be seen; the whole text without one."""
        return None

    def forget_end(self) -> None:
        """What is shown is new; it is looked at again as soon as it is laid out."""
        self.end_seen = False
        self.call_after_refresh(self._note_end_seen)

    def lines_left(self) -> int:
        """Lines up to the end that are below what is in view."""
        part = self.last_part()
        end = self.virtual_size.height if part is None else part.virtual_region.bottom
        return max(0, end - self.scroll_offset.y - self.scrollable_content_region.height)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Another part has come into view."""
        super().watch_scroll_y(old_value, new_value)
        self.call_after_refresh(self._note_end_seen)

    def watch_virtual_size(self) -> None:
        """There is more or less of it."""
        self.call_after_refresh(self._note_end_seen)

    def on_resize(self, _event: events.Resize) -> None:
        """More or less is in view."""
        self.call_after_refresh(self._note_end_seen)

    def _note_end_seen(self) -> None:
        part = self.last_part()
        laid_out = (self if part is None else part).size.height > 0
        if laid_out and not self.end_seen and not self.lines_left():
            self.end_seen = True
            self.post_message(self.EndSeen())
