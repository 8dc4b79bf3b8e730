"""Which actions a screen has, read from its bindings: help and palette are made of this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.keys.bindings import find
from screens.keys.registry import ACTIONS, GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.dom import DOMNode
    from textual.screen import Screen

    from screens.keys.action import Action
    from screens.keys.keymap import Keymap


@dataclass(frozen=True, slots=True)
class BoundAction:
    """A registered action and the node that does it."""

    action: Action
    node: DOMNode


def bound_actions(screen: Screen[object], keymap: Keymap) -> list[BoundAction]:
    """Every registered action bound on the screen, its shown widgets or the application; each once.

    Those of the focused widget come first, so that a list action works on the list in use.
    """
    found: dict[str, BoundAction] = {}
    for node in _nodes(screen):
        for _key, binding in node._bindings:  # noqa: SLF001 - Textual shows bindings of the focus only
            entry = find(binding.id)
            if entry is not None:
                found.setdefault(entry.id, BoundAction(keymap.in_force(entry), node))
    groups, places = list(GROUPS), {entry.id: place for place, entry in enumerate(ACTIONS)}
    return sorted(
        found.values(), key=lambda bound: (groups.index(bound.action.group), places[bound.action.id])
    )


def _nodes(screen: Screen[object]) -> Iterator[DOMNode]:
    if screen.focused is not None:
        yield screen.focused
        # A list inside a form has keys, though only its fields get the focus.
        yield from screen.focused.ancestors[: screen.focused.ancestors.index(screen)]
    yield screen
    for widget in screen.query("*"):
        if widget.focusable:
            yield widget
    if not screen.is_modal:
        yield screen.app
