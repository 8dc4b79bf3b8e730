"""Where the calls of one worker are made: side by side, or alone when they are suspected of killing it;
and of one tree of runs no more at once than its tools layer says.

A call may take the whole process down, and with it every other call under way. Whoever takes the runs
over has to know which calls were being made, and which had certainly not begun: so they are marked in a
file that outlives the process.
"""

from __future__ import annotations

import asyncio
import hashlib
import mmap
import os
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from engine.runtime.files.folder_access import storage_errors
from engine.runtime.processes import boot_id, is_gone, this_process
from engine.runtime.worker.sessions.tree_slots import TreeSlots

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator
    from pathlib import Path

    from engine.machine.model.state import Execution

T = TypeVar("T")

SUSPECT_LOSSES = 2
"""A call that was under way so often when a worker died is made alone from then on."""
_MARK_BYTES = 32
_MARKS = 2_048
"""Calls under way at once that are marked; of more than that the rest is never suspected."""
_MARKS_BYTES = _MARKS * _MARK_BYTES
_NAME_BYTES = 256
"""Behind the marks: the name of the process that makes them."""


class CallRoom:
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
    ) -> T:
        """Make a call that was expected at `place`; a suspect waits until it is alone.

        Of the calls of a `tree` (its outermost run) no more than `at_once` are made side by side, by all
        workers together; None: there is no such limit. A call that waits has not begun.
        """
        try:
            if at_once is None:
                return await self._in_turn(call, run_id, execution, place)
            async with self._slots.taken(tree, at_once):
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


class LongMark:
    """The mark of a call that lasts long."""

    def __init__(self, marks: CallMarks, mark: bytes) -> None:
        self._marks, self._mark = marks, mark
        self._place: int | None = None
        self._waits = self._aside = False

    def waits(self, waits: bool) -> None:
        """Whether all that it does is to wait for people, by which it ends no worker."""
        self._waits = waits
        self._show()

    def aside(self, aside: bool) -> None:
        """Whether another call is the suspect now."""
        self._aside = aside
        self._show()

    def end(self) -> None:
        """It is over."""
        self._marks.remove(self._place)
        self._place = None

    def _show(self) -> None:
        if self._waits or self._aside:
            self.end()
        elif self._place is None:
            self._place = self._marks.put(self._mark)


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


class CallMarks:
    """Marks of calls under way, in a file that is mapped into memory: no system call a mark.

    What is written there survives the process, though not the machine; so the file is named after its boot.
    """

    def __init__(self, directory: Path, worker_id: str) -> None:
        self._directory = directory
        self._worker_id = worker_id
        self._free = list(range(_MARKS - 1, -1, -1))
        self._map: mmap.mmap | None = None

    def open(self, known_workers: Collection[str]) -> None:
        """Make the file (blocking). Raises Unavailable."""
        with storage_errors(self._directory):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in self._directory.iterdir():
                if file.name.partition(".")[0] not in known_workers:
                    file.unlink(missing_ok=True)
            self._make()

    def _make(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(_file_of(self._directory, self._worker_id), flags, 0o600)
        try:
            # all of it now: a hole that finds the disk full later would end the process
            os.posix_fallocate(descriptor, 0, _MARKS_BYTES + _NAME_BYTES)
            os.pwrite(descriptor, this_process().encode()[:_NAME_BYTES], _MARKS_BYTES)
            self._map = mmap.mmap(descriptor, _MARKS_BYTES)
        finally:
            os.close(descriptor)

    def put(self, mark: bytes, place: int | None = None) -> int | None:
        """Put a mark, in place of the one at `place`; where it stands, None when there is no room."""
        if self._map is None or (place is None and not self._free):
            return None
        if place is None:
            place = self._free.pop()
        self._map[place * _MARK_BYTES : (place + 1) * _MARK_BYTES] = mark
        return place

    def remove(self, place: int | None) -> None:
        """Remove a mark."""
        if self._map is not None and place is not None:
            self._map[place * _MARK_BYTES : (place + 1) * _MARK_BYTES] = bytes(_MARK_BYTES)
            self._free.append(place)

    def close(self) -> None:
        """Remove the file (blocking)."""
        if self._map is not None:
            self._map.close()
            self._map = None
            with suppress(OSError):
                _file_of(self._directory, self._worker_id).unlink()


@dataclass(frozen=True, slots=True)
class LostCalls:
    """What a worker whose lease has ended had marked. `died`: its process is certainly gone."""

    marks: frozenset[bytes] = frozenset()
    died: bool = False

    def was_being_made(self, run_id: str, path: str) -> bool:
        """Whether the call was under way: one that had not begun killed nobody."""
        return mark_of(run_id, path) in self.marks

    def had_not_begun(self, run_id: str, path: str) -> bool:
        """Whether it is certain that the call is never made: a worker that is held up may yet make it."""
        expected = expected_mark_of(run_id, path) in self.marks
        return self.died and expected and not self.was_being_made(run_id, path)


def mark_of(run_id: str, path: str) -> bytes:
    """The mark of a call that is under way."""
    return hashlib.sha256(f"{run_id}/{path}".encode()).digest()


def expected_mark_of(run_id: str, path: str) -> bytes:
    """The mark of a call that will begin."""
    return hashlib.sha256(f"expected/{run_id}/{path}".encode()).digest()


def lost_calls(directory: Path, worker_id: str) -> LostCalls:
    """What a worker of this boot was calling, and was about to (blocking)."""
    try:
        raw = _file_of(directory, worker_id).read_bytes()
    except OSError:
        return LostCalls()
    process = raw[_MARKS_BYTES:].rstrip(b"\0").decode(errors="replace")
    marks = (raw[start : start + _MARK_BYTES] for start in range(0, _MARKS_BYTES, _MARK_BYTES))
    return LostCalls(frozenset(mark for mark in marks if any(mark)), bool(process) and is_gone(process))


def _file_of(directory: Path, worker_id: str) -> Path:
    return directory / f"{worker_id}.{boot_id() or 'boot'}"
