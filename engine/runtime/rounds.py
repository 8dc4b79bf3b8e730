"""Looking at things beside everything else: soon after something changed, or when it is time.

A process that stands still wakes up once a second for all of it, and asks nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import VasiniError
from engine.runtime.background import in_background
from engine.runtime.failing import Failing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from engine.journal.port import Journal
    from engine.runtime.clock import Clock

NEXT_ROUND = 0.0
"""What a look answers that has to be made again in the next round."""
AFTER_A_DEFECT_SECONDS = 60.0
"""A look that fails by a fault of this program is tried again so much later, or after a change."""
SET_BY = 500_000
"""Microseconds by which the wall clock has moved against the time since the machine was started when it
counts as set: what was to be done at a moment of it may be due, or not be yet."""


@dataclass(slots=True, eq=False)
class _Looked:
    """One thing that is looked at. `due` is by the time since the machine was started; None: not before a
    change."""

    look: Callable[[], Awaitable[float | None]]
    what: str
    changed: bool = True
    due: int | None = None
    called: asyncio.Event = field(default_factory=asyncio.Event)


class Rounds:
    """The rounds in which one process looks at things. Each look is made alone, beside the others.

    A change is any commit that the journal tells of, news of packs, and a wall clock that was set.
    """

    def __init__(self, journal: Journal, clock: Clock, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._journal = journal
        self._clock = clock
        self._offset = clock.now() - clock.uptime()
        self._all: list[_Looked] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A round every so many seconds while the context is open."""
        undo = self._journal.on_change(self.changed)
        async with in_background(self._run()):
            try:
                yield
            finally:
                undo()

    @asynccontextmanager
    async def at(self, what: str, look: Callable[[], Awaitable[float | None]]) -> AsyncIterator[None]:
        """Look while the context is open: in the next round, and then in the first one after something
        changed or after as many seconds as `look` said. What one look cannot do the next one does."""
        one = _Looked(look, what)
        self._all.append(one)
        async with in_background(self._look_on(one)):
            try:
                yield
            finally:
                self._all.remove(one)

    def changed(self, _: object = None) -> None:
        """Something is new: everything is looked at in the next round."""
        for one in self._all:
            one.changed = True

    def make(self) -> None:
        """One round: those look that have to."""
        offset, uptime = self._clock.now() - self._clock.uptime(), self._clock.uptime()
        if abs(offset - self._offset) >= SET_BY:
            self._offset = offset
            self.changed()
        for one in self._all:
            if one.changed or (one.due is not None and one.due <= uptime):
                one.changed, one.due = False, None
                one.called.set()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            self.make()

    async def _look_on(self, one: _Looked) -> None:
        failing = Failing(f"looking at {one.what}")
        while True:
            await one.called.wait()
            one.called.clear()
            seconds: float | None = NEXT_ROUND
            try:
                seconds = await one.look()
            except VasiniError as error:
                failing.failed(error)
            except Exception as defect:  # noqa: BLE001 - the edge: one look that fails must not end the others
                failing.failed(defect)
                seconds = AFTER_A_DEFECT_SECONDS
            else:
                failing.worked()
            one.due = None if seconds is None else self._clock.uptime() + round(seconds * 1_000_000)
