"""What has the focus: its own words, its registered actions, and the keys a field edits text with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.safe_text import SafeText, sanitize
from screens.frame.bound_actions import BoundAction
from screens.keys.bindings import find
from screens.keys.key_names import format_key
from screens.keys.keymap import NEVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.widget import Widget

    from screens.keys.keymap import Keymap


@dataclass(frozen=True, slots=True)
class FocusHelp:
    """`editing`: keys by what they do."""

    about: SafeText
    actions: tuple[BoundAction, ...]
    editing: Mapping[str, str]


def focus_help(widget: Widget, keymap: Keymap) -> FocusHelp:
    """The help of a focused widget. Its words are `HELP` of its class, as Textual has it."""
    actions: dict[str, BoundAction] = {}
    editing: dict[str, list[str]] = {}
    for key, binding in widget._bindings:  # noqa: SLF001 - Textual shows bindings of the focus only
        entry = find(binding.id)
        if entry is not None:
            actions.setdefault(entry.id, BoundAction(keymap.in_force(entry), widget))
        elif binding.description and key not in NEVER and not key.startswith(("alt+", "super+")):
            editing.setdefault(binding.description.capitalize(), []).append(format_key(key))
    return FocusHelp(
        sanitize(keymap.fill(widget.HELP or "This part has no keys of its own."), multiline=True),
        tuple(actions.values()),
        {words: " ".join(keys) for words, keys in editing.items()},
    )
