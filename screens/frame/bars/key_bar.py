"""The last line: keys of this screen, made from the bindings that are active right now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.keys.bindings import find
from screens.keys.key_names import character_of
from screens.widgets.plain import Part, Plain

if TYPE_CHECKING:
    from textual import events
    from textual.screen import Screen

    from screens.keys.action import Action
    from screens.keys.keymap import Keymap

_LAST = ("app.palette", "app.help")
KEYS_ONLY = frozenset(
    {
        *("approvals.approve", "approvals.reject", "approvals.decide_marked", "form.submit"),
        *("dialog.confirm", "dialog.leave"),
        *("start.submit", "handoff.submit", "run.pause", "run.cancel", "run.retry"),
    }
)
"""What decides or acts: a click can be a slip."""
NEEDS_A_ROW = frozenset(
    {
        *("list.open", "approvals.mark", "approvals.decide_marked"),
        *("run.pause", "run.cancel", "run.retry", "run.logs", "run.pending", "run.diff"),
    }
)
"""What has nothing to do while a list is empty."""


class KeyBar(Plain):
    """Shows as many of the shown bindings as fit, those for palette and help always."""

    def __init__(self, keymap: Keymap, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keymap = keymap
        self._drawn: list[Action] = []
        self._widths: list[int] = []
        self._left_out: frozenset[str] = frozenset()
        self._asked = False

    def on_mount(self) -> None:
        """Follow the bindings: they change with the focus. How many fit is known when there is a size."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def leave_out(self, action_ids: frozenset[str]) -> None:
        """These have nothing to do for now; pressed, they say so."""
        if action_ids != self._left_out:
            self._left_out = action_ids
            self._ask()

    def on_resize(self, _event: events.Resize) -> None:
        """Another width, another number of keys."""
        self._ask()

    def _follow(self, _screen: Screen[object]) -> None:
        self._ask()

    def _ask(self) -> None:
        """Draw it soon, once for whatever changes until then: a screen that opens has four reasons to."""
        if not self._asked:
            self._asked = self.call_later(self._draw_asked)

    def _draw_asked(self) -> None:
        self._asked = False
        if self.is_attached and self.screen.is_current:
            self._draw()

    def _draw(self) -> None:
        active = {
            name: binding for name, binding in self.screen.active_bindings.items() if not self._typed(name)
        }
        bound = {entry.id for binding in active.values() if (entry := find(binding.binding.id))}
        bound -= self._left_out
        shown = [entry for entry in self._keymap.actions() if entry.shown and entry.id in bound]
        keys = {entry: entry.first_key(active) for entry in shown}
        room = self.size.width - sum(_width(entry, keys[entry]) for entry in keys if entry.id in _LAST)
        parts: list[Part] = []
        self._drawn = []
        for entry, key in keys.items():
            if entry.id not in _LAST:
                if _width(entry, key) > room:
                    continue
                room -= _width(entry, key)
            self._drawn.append(entry)
            parts += [(sanitize(f" {key}"), "bold $key"), sanitize(f" {entry.title} ")]
        self._widths = [_width(entry, keys[entry]) for entry in self._drawn]
        self.show(*parts)

    async def on_click(self, event: events.Click) -> None:
        """As the key; what decides is left to keys alone."""
        end = 0
        for entry, width in zip(self._drawn, self._widths, strict=True):
            start, end = end, end + width
            if start <= event.x < end and entry.id not in KEYS_ONLY:
                await self._do(entry)

    async def _do(self, entry: Action) -> None:
        for active in self.screen.active_bindings.values():
            if active.binding.id == entry.id and active.enabled:
                await self.app.run_action(active.binding.action, default_namespace=active.node)
                return

    def _typed(self, name: str) -> bool:
        """Whether the field in use takes the key as text."""
        focused, character = self.screen.focused, character_of(name)
        return bool(focused is not None and character and focused.check_consume_key(name, character))


def _width(entry: Action, key: str) -> int:
    return len(key) + len(entry.title) + 3
