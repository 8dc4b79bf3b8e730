"""One thing an operator can do, and its keys as a person reads them.

`cli` is the command that does the same headless; an action that only moves the eye is CONSOLE_ONLY.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.keys import _character_to_key

if TYPE_CHECKING:
    from collections.abc import Container

CONSOLE_ONLY = "console only"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing an operator can do. `key` is Textual's spelling, several divided by commas."""

    id: str
    key: str
    action: str
    title: str
    help: str
    cli: str = CONSOLE_ONLY
    shown: bool = False
    priority: bool = False

    @property
    def keys(self) -> str:
        """The keys as a person reads them."""
        return " ".join(_KEY_WORDS.get(key, key) for key in self.key.split(","))

    def first_key(self, active: Container[str]) -> str:
        """The first of its keys that is among the active ones (a field to type into takes letters)."""
        keys = self.key.split(",")
        chosen = next((key for key in keys if _textual_name(key) in active), keys[0])
        return _KEY_WORDS.get(chosen, chosen)


def _textual_name(key: str) -> str:
    return _character_to_key(key) if len(key) == 1 else key


_KEY_WORDS = {
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "space": "Space",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "f1": "F1",
    "f2": "F2",
    "ctrl+d": "Ctrl-d",
    "ctrl+u": "Ctrl-u",
    "ctrl+p": "Ctrl-p",
    "ctrl+c": "Ctrl-c",
    "pagedown": "PgDn",
    "pageup": "PgUp",
}
