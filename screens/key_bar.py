"""The last line: keys of this screen, made from the bindings that are active right now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.action_list import ACTIONS
from screens.actions import find
from screens.plain import Part, Plain

if TYPE_CHECKING:
    from textual import events
    from textual.screen import Screen

    from screens.action import Action

_LAST = ("app.palette", "app.help")


class KeyBar(Plain):
    """Shows as many of the shown bindings as fit, those for palette and help always."""

    def on_mount(self) -> None:
        """Follow the bindings: they change with the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Another width, another number of keys."""
        self._draw()

    def _follow(self, _screen: Screen[object]) -> None:
        if self.is_attached and self.screen.is_current:
            self._draw()

    def _draw(self) -> None:
        active = self.screen.active_bindings
        bound = {entry.id for binding in active.values() if (entry := find(binding.binding.id))}
        keys = {entry: entry.first_key(active) for entry in ACTIONS if entry.shown and entry.id in bound}
        room = self.size.width - sum(_width(entry, keys[entry]) for entry in keys if entry.id in _LAST)
        parts: list[Part] = []
        for entry, key in keys.items():
            if entry.id not in _LAST:
                if _width(entry, key) > room:
                    continue
                room -= _width(entry, key)
            parts += [(sanitize(f" {key}"), "bold $key"), sanitize(f" {entry.title} ")]
        self.show(*parts)


def _width(entry: Action, key: str) -> int:
    return len(key) + len(entry.title) + 3
