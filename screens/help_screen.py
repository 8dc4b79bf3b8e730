"""The keys of a screen, read from the bindings themselves."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from textual.containers import Vertical

from engine.safe_text import sanitize
from screens.action import CONSOLE_ONLY
from screens.action_list import GROUPS
from screens.plain import Part, Plain, TextPane
from screens.shell import Dialog, TooSmall

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from screens.key_list import BoundAction

_KEYS_WIDTH = 12


class HelpScreen(Dialog[None]):
    """Keys, what they do, and the command that does the same."""

    def __init__(self, actions: list[BoundAction]) -> None:
        super().__init__()
        self._actions = actions

    def compose(self) -> ComposeResult:
        """One text, grouped."""
        with Vertical(classes="dialog -large"):
            yield Plain(sanitize("Keys of this screen"), classes="dialog-title")
            with TextPane(id="help"):
                text = Plain(id="help-text")
                text.show(*self._parts())
                yield text
            yield Plain(sanitize("j k scroll   Esc close"), classes="dialog-keys")
        yield TooSmall()

    def on_mount(self) -> None:
        """The text has the keys."""
        self.query_one("#help").focus()

    def _parts(self) -> list[Part]:
        parts: list[Part] = []
        for group, members in groupby(self._actions, lambda bound: bound.action.group):
            parts.append((sanitize(f"{GROUPS[group]}\n", multiline=True), "bold"))
            for bound in members:
                entry = bound.action
                cli = "" if entry.cli == CONSOLE_ONLY else f"{'':{_KEYS_WIDTH + 2}}{entry.cli}\n"
                parts += [
                    (sanitize(f"  {entry.keys:<{_KEYS_WIDTH}}"), "bold $key"),
                    sanitize(f"{entry.help}\n", multiline=True),
                    (sanitize(cli, multiline=True), "$quiet"),
                ]
        return parts
