"""One thing an operator can do, and its keys as a person reads them.

`cli` is the command that does the same headless; an action that only moves the eye is CONSOLE_ONLY.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.keys.key_names import format_key, textual_name

if TYPE_CHECKING:
    from collections.abc import Container

CONSOLE_ONLY = "console only"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing an operator can do. `key` is Textual's spelling, several divided by commas.

    `priority`: it is done before the next key is looked at. A slow line brings several keys in one piece;
    those after Tab would else go to the field that is left.
    """

    id: str
    key: str
    action: str
    title: str
    help: str
    cli: str = CONSOLE_ONLY
    shown: bool = False
    priority: bool = False

    @property
    def group(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Textual's names of its keys."""
        return tuple(textual_name(key) for key in self.key.split(","))

    @property
    def keys(self) -> str:
        """The keys as a person reads them."""
        return " ".join(map(format_key, self.names))

    def first_key(self, active: Container[str] = ()) -> str:
        """The first of its keys that is among the active ones (a field to type into takes letters)."""
        names = self.names
        return format_key(next((name for name in names if name in active), names[0]))
