"""Actions by id, and as Textual bindings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from screens.keys.registry import ACTIONS

if TYPE_CHECKING:
    from textual.binding import BindingType

    from screens.keys.action import Action

_BY_ID = {action.id: action for action in ACTIONS}


def action(action_id: str) -> Action:
    """The registered action; KeyError names one that is not registered."""
    return _BY_ID[action_id]


def find(action_id: str | None) -> Action | None:
    """The registered action of a binding, None for a widget's own key."""
    return _BY_ID.get(action_id or "")


def bindings(*action_ids: str) -> list[BindingType]:
    """Textual bindings of the named actions; a name that ends in `.` takes the whole group.

    KeyError names one that is not registered.
    """
    for wanted in action_ids:
        if not wanted.endswith("."):
            action(wanted)
    chosen = [
        entry
        for wanted in action_ids
        for entry in ACTIONS
        if entry.id == wanted or (wanted.endswith(".") and entry.id.startswith(wanted))
    ]
    return [
        Binding(
            entry.key,
            entry.action,
            entry.title,
            show=entry.shown,
            id=entry.id,
            tooltip=entry.help,
            priority=entry.priority,
        )
        for entry in chosen
    ]
