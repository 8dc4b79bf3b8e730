"""What is asked, in the room above the fields; where that is too little it scrolls, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from engine.safe_text import SafeText, sanitize
from screens.widgets.numbers import counted
from screens.widgets.plain import Plain, TextPane

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from screens.keys.keymap import Keymap


class Prompt(TextPane):
    """The words of a run. It gets the focus only when there are more than fit."""

    HELP = "What the form asks, in full. {screen.next} goes on to its fields."

    def __init__(self, words: SafeText, keymap: Keymap) -> None:
        super().__init__(classes="form-prompt", can_focus=False)
        self._words = words
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """The words, whatever their length."""
        yield Plain(self._words)

    def on_mount(self) -> None:
        """No empty line where nothing is said."""
        self.display = bool(self._words)

    def on_resize(self, _event: events.Resize) -> None:
        """More or less is in view."""
        self._tell_what_is_below()

    def watch_virtual_size(self) -> None:
        """It is laid out."""
        self._tell_what_is_below()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Some of it was read."""
        super().watch_scroll_y(old_value, new_value)
        self._tell_what_is_below()

    def watch_has_focus(self, has_focus: bool) -> None:
        """With the focus no key has to lead here first."""
        super().watch_has_focus(has_focus)
        self._tell_what_is_below()

    def _tell_what_is_below(self) -> None:
        self.can_focus = self.max_scroll_y > 0
        self.set_class(self.can_focus, "-more")
        left = self.max_scroll_y - self.scroll_offset.y
        keys = "{text.down}" if self.has_focus else "{screen.previous}, then {text.down}"
        more = sanitize(f" {counted(left, 'more line')}: {self._keymap.fill(keys)} ")
        # Content, not a string: a string is read as markup, and a key can be a bracket.
        self.border_subtitle = Content(more) if left > 0 else ""
