"""An application that hands a key on when the key before it has had its effect.

Textual gives every key to what has the focus at that moment, while the key before it may still be on its
way: of `/pending`, typed at once or sent by a slow line in one piece, `p` would pause a run.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from textual import events

from vasini_tui.console.terminal.paced_app import PacedApp

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.screen import Screen

T = TypeVar("T")

PATIENCE_SECONDS = 0.25
"""How long one part of the screen may take with a key before the next one is handed on."""


class OrderedApp(PacedApp[T], inherit_bindings=False):
    """Keys and pastes, one after the other."""

    def __init__(self, css_path: list[str]) -> None:
        super().__init__(css_path)
        self._typed: deque[events.Event] = deque()
        self._handing_on = False

    async def on_event(self, event: events.Event) -> None:
        """Keep what is typed until its turn comes."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self.key_came(event)
        self._typed.append(event)
        if not self._handing_on:
            self._handing_on = True
            self.run_worker(self._hand_on(), group="keys")

    def key_came(self, event: events.Event) -> None:
        """A key or a paste has arrived; its turn comes later."""

    async def _hand_on(self) -> None:
        try:
            while self._typed:
                screen, target = self.screen, self.focused or self.screen
                await super().on_event(self._typed.popleft())
                await self._wait_until_handled(screen, target)
        finally:
            self._handing_on = False

    async def _wait_until_handled(self, screen: Screen[object], target: DOMNode) -> None:
        """Wait until the key has gone from `target` up to the application and what it asked for is done.

        What a key asks for may itself go up from `target`, and the focus moves by a message as well.
        """
        for node in (*target.ancestors_with_self, *target.ancestors_with_self, self):
            await _reached(node)
        if self.screen is not screen:
            # Another screen chooses its own focus when it is mounted.
            await _reached(self.screen)
            await _reached(self)


async def _reached(node: DOMNode) -> None:
    """Return when the node has dealt with all that it was sent before now."""
    done = asyncio.Event()
    if node.call_later(done.set):
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await done.wait()
