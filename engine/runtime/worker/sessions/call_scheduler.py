"""When the calls of one worker are made: side by side, or alone when they are suspected of killing it;
and of one tree of runs no more at once than its tools layer says.

What is called is marked (`call_marks`): whoever takes the runs over has to know what may have ended it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar

from engine.runtime.worker.sessions.call_marks import CallMarks, LongMark, expected_mark_of, mark_of
from engine.runtime.worker.sessions.tree_slots import TreeSlots

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from engine.machine.model.state import Execution

T = TypeVar("T")

_FREE = nullcontext()
SUSPECT_LOSSES = 2
"""A call that was under way so often when a worker died is made alone from then on."""


class CallScheduler:
    """Lets the calls of one worker begin: side by side, or alone when one may have killed a worker."""

    def __init__(self, directory: Path, slots_file: Path, worker_id: str) -> None:
        self._slots = TreeSlots(slots_file)
        self._marks = CallMarks(directory, worker_id)
        self._turns = _Turns()
        self._long: set[LongMark] = set()
        self._suspected = False

    async def open(self, known_workers: Collection[str]) -> None:
        """Make the file of marks; those of workers that are not known any more are removed."""
        await asyncio.to_thread(self._marks.open, known_workers)
        await asyncio.to_thread(self._slots.open)

    async def close(self) -> None:
        """Remove the file of marks."""
        await asyncio.to_thread(self._marks.close)
        await asyncio.to_thread(self._slots.close)

    def expect(self, run_id: str, path: str) -> int | None:
        """Mark that a call will begin: while the mark stands it has not, whatever became of the worker.

        The place of the mark; None when there is no room for it.
        """
        return self._marks.put(expected_mark_of(run_id, path))

    def expect_no_more(self, place: int | None) -> None:
        """The call will not begin here."""
        self._marks.remove(place)

    async def make(
        self,
        call: Callable[[], Awaitable[T]],
        run_id: str,
        execution: Execution,
        place: int | None = None,
        *,
        tree: str = "",
        at_once: int | None = None,
        slot: AbstractAsyncContextManager[object] | None = None,
    ) -> T:
        """Make a call that was expected at `place`; a suspect waits until it is alone.

        Of the calls of a `tree` (its outermost run) no more than `at_once` are made side by side, by all
        workers together; None: there is no such limit. Of its tool no more are than have a `slot`. A call
        that waits has not begun.
        """
        try:
            of_the_tree = _FREE if at_once is None else self._slots.taken(tree, at_once)
            async with of_the_tree, slot or _FREE:
                return await self._in_turn(call, run_id, execution, place)
        finally:
            if place is not None:
                self._marks.remove(place)

    async def _in_turn(
        self, call: Callable[[], Awaitable[T]], run_id: str, execution: Execution, place: int | None
    ) -> T:
        alone = execution.recoveries >= SUSPECT_LOSSES
        await self._turns.take(alone=alone)
        own = None
        try:
            self._suspect(alone=alone)
            own = self._marks.put(mark_of(run_id, execution.path), place)
            return await call()
        finally:
            if place is None:
                self._marks.remove(own)
            self._suspect(alone=False)
            self._turns.give_back()

    @contextmanager
    def marked(self, run_id: str, execution: Execution) -> Iterator[LongMark]:
        """Make a call within the context that may last for days and takes nobody's turn: it is marked while
        it works, and no other call is suspected."""
        mark = LongMark(self._marks, mark_of(run_id, execution.path))
        self._long.add(mark)
        mark.aside(self._suspected)
        try:
            yield mark
        finally:
            self._long.remove(mark)
            mark.end()

    def _suspect(self, *, alone: bool) -> None:
        if alone is not self._suspected:
            self._suspected = alone
            for mark in self._long:
                mark.aside(alone)


class _Turns:
    """Many at once or one alone, in the order they came."""

    def __init__(self) -> None:
        self._inside = 0
        self._alone = False
        self._waiting: deque[tuple[asyncio.Future[None], bool]] = deque()

    async def take(self, *, alone: bool) -> None:
        if not self._waiting and self._fits(alone=alone):
            self._enter(alone=alone)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, alone))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._let_in()  # whoever waits behind it
            else:  # its turn had come just now
                self.give_back()
            raise

    def give_back(self) -> None:
        self._inside -= 1
        self._alone = False
        self._let_in()

    def _fits(self, *, alone: bool) -> bool:
        return not self._alone and (not alone or self._inside == 0)

    def _enter(self, *, alone: bool) -> None:
        self._inside += 1
        self._alone = alone

    def _let_in(self) -> None:
        while self._waiting:
            turn, alone = self._waiting[0]
            if not turn.cancelled():
                if not self._fits(alone=alone):
                    return
                self._enter(alone=alone)
                turn.set_result(None)
            self._waiting.popleft()
