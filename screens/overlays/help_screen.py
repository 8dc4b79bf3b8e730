"""Help: the keys of a screen, or what has the focus and its keys; read from the bindings themselves."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from textual.containers import Vertical

from engine.safe_text import SafeText, sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.screen import Dialog, TooSmall
from screens.keys.action import CONSOLE_ONLY
from screens.keys.bindings import bindings
from screens.keys.registry import GROUPS
from screens.widgets.plain import NOTHING, Part, Plain, TextPane

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual import events
    from textual.app import ComposeResult

    from screens.frame.bound_actions import BoundAction

_KEYS_WIDTH = 14
_WIDTH, _FRAME = 92, 5
"""Cells of the dialog at the most, and how many of them its edges and the scrollbar take."""


class HelpScreen(Dialog[None]):
    """Keys, what they do, and the command that does the same.

    `about` stands above them; `editing` are keys of a field that no action has, by what they do; `rest`
    are the other actions of the screen.
    """

    BINDINGS = bindings("dialog.quit")

    def __init__(
        self,
        title: str,
        actions: Sequence[BoundAction],
        *,
        about: SafeText = NOTHING,
        editing: Mapping[str, str] | None = None,
        rest: Sequence[BoundAction] = (),
    ) -> None:
        super().__init__()
        self._title = title
        self._actions = actions
        self._about = about
        self._editing = editing or {}
        self._rest = rest

    def compose(self) -> ComposeResult:
        """One text, grouped."""
        with Vertical(classes="dialog -large"):
            yield Plain(sanitize(self._title), classes="dialog-title")
            with TextPane(id="help"):
                yield Plain(id="help-text")
            yield KeyHint("{text.down} {text.up} scroll   {dialog.close} close")
        yield TooSmall()

    def on_mount(self) -> None:
        """The text has the keys."""
        self.query_one("#help").focus()

    def on_resize(self, event: events.Resize) -> None:
        """What does not fit beside the keys goes on below itself, not below them."""
        room = min(_WIDTH, event.size.width) - _FRAME - _KEYS_WIDTH - 2
        self.query_one("#help-text", Plain).show(*self._parts(room))

    def _parts(self, room: int) -> list[Part]:
        parts: list[Part] = []
        if self._about:
            parts += [self._about, sanitize("\n\n", multiline=True)]
        parts += _grouped(self._actions, room)
        if self._editing:
            parts.append((sanitize("\nTyping\n", multiline=True), "bold"))
            for words, keys in self._editing.items():
                parts += _line(keys, words, room)
        if self._rest:
            parts.append((sanitize("\nThe rest of the screen\n\n", multiline=True), "bold underline"))
            parts += _grouped(self._rest, room)
        return parts


def _grouped(actions: Sequence[BoundAction], room: int) -> list[Part]:
    parts: list[Part] = []
    for group, members in groupby(actions, lambda bound: bound.action.group):
        space = "\n" if parts else ""
        parts.append((sanitize(f"{space}{GROUPS[group]}\n", multiline=True), "bold"))
        for bound in members:
            entry = bound.action
            parts += _line(entry.keys, entry.help, room)
            if entry.cli != CONSOLE_ONLY:
                parts.append((_beside_keys(f"{'':{_KEYS_WIDTH + 2}}", entry.cli, room), "$quiet"))
    return parts


def _line(keys: str, words: str, room: int) -> list[Part]:
    return [(sanitize(f"  {keys:<{_KEYS_WIDTH}}"), "bold $key"), _beside_keys("", words, room)]


def _beside_keys(before: str, words: str, room: int) -> SafeText:
    """Words right of the keys, on as many lines as they take."""
    lines = textwrap.wrap(words, max(1, room)) or [""]
    below = "\n" + " " * (_KEYS_WIDTH + 2)
    return sanitize(f"{before}{below.join(lines)}\n", multiline=True)
