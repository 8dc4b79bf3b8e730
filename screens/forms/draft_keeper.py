"""Keeps what is typed into a form while it is typed, so that a crash or a lost line loses next to nothing."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.errors import VasiniError
from screens.frame.console import show_notice
from screens.frame.console_state import ConsoleState, explain
from screens.widgets.working import begin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.timer import Timer
    from textual.widget import Widget

KEEP_SECONDS = 0.5
"""From the first key after a save to the next save: what a kill can lose."""


class DraftKeeper:
    """The draft of one form of one operator. `typed` gives what stands in the form."""

    def __init__(
        self, owner: Widget, state: ConsoleState, key: str, typed: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._owner = owner
        self._state = state
        self._key = key
        self._typed = typed
        self._timer: Timer | None = None
        self._dirty = False
        self._told = False
        self._turn = asyncio.Lock()

    async def restore(self) -> tuple[Mapping[str, Any], datetime | None] | None:
        """The draft and when it was kept; None when there is none. Raises as the engine does."""
        kept = await self._state.engine.drafts.get(self._state.actor.name, self._key)
        self._state.drafted[self._key] = kept is not None
        return None if kept is None else (kept, _moment(kept.get("kept_at")))

    def edited(self) -> None:
        """Keep what is typed, soon."""
        self._dirty = True
        self._state.drafted[self._key] = True
        if self._timer is None:
            self._timer = self._owner.set_timer(KEEP_SECONDS, self._due)

    async def flush(self) -> None:
        """Keep it now. That it cannot be kept is told once: the form itself goes on."""
        self._stop()
        async with self._turn:
            if not self._dirty:
                return
            self._dirty = False
            draft = {**self._typed(), "kept_at": self._state.now().isoformat()}
            try:
                await self._state.engine.drafts.keep(self._state.actor.name, self._key, draft)
            except VasiniError as error:
                if not self._told:
                    show_notice(self._owner, f"The draft is not kept: {explain(error)}", tone="warning")
                self._told = True

    async def drop(self) -> None:
        """It was sent."""
        self._stop()
        async with self._turn:
            self._dirty = False
            self._state.drafted[self._key] = False
            await self._state.engine.drafts.drop(self._state.actor.name, self._key)

    def _due(self) -> None:
        self._timer = None
        begin(self._owner, self.flush, group="draft")

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
