"""A line that names keys: the keys in force, whatever the operator chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.frame.console import console
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from textual import events


class KeyHint(Plain):
    """`{dialog.close}` in the words stands for the key of that action."""

    def __init__(self, words: str, *, classes: str = "dialog-keys") -> None:
        super().__init__(classes=classes)
        self._words = words

    def on_mount(self, _event: events.Mount) -> None:
        """The keymap is known by the application only."""
        self.show(console(self).state.keymap.fill(self._words))
