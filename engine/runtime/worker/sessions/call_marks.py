"""Marks of the calls of one worker in a file that outlives its process: which are under way, and which have
certainly not begun.

A call may take the whole process down, and with it every other call under way. Whoever takes the runs
over has to know which calls were being made.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.runtime.files.folder_access import storage_errors
from engine.runtime.processes import boot_id, is_gone, this_process
from engine.safe_files.sharing import make_directory, mode_in

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_MARK_BYTES = 32
_MARKS = 2_048
"""Calls under way at once that are marked; of more than that the rest is never suspected."""
_MARKS_BYTES = _MARKS * _MARK_BYTES
_NAME_BYTES = 256
"""Behind the marks: the name of the process that makes them."""


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
        """Make the file (blocking), and remove those of workers that are gone. Raises Unavailable.

        One that is not known may have come since `known_workers` were read.
        """
        with storage_errors(self._directory):
            make_directory(self._directory)
            for file in self._directory.iterdir():
                if file.name.partition(".")[0] not in known_workers and _is_left(file):
                    file.unlink(missing_ok=True)
            self._make()

    def _make(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(
            _file_of(self._directory, self._worker_id), flags, mode_in(self._directory, 0o600)
        )
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


class LongMark:
    """The mark of a call that lasts long."""

    def __init__(self, marks: CallMarks, mark: bytes) -> None:
        self._marks, self._mark = marks, mark
        self._place: int | None = None
        self._waits = self._aside = self._over = False

    def waits(self, waits: bool) -> None:
        """Whether all that it does is to wait for people, by which it ends no worker."""
        self._waits = waits
        self._show()

    def aside(self, aside: bool) -> None:
        """Whether another call is the suspect now."""
        self._aside = aside
        self._show()

    def end(self) -> None:
        """It is over, whatever is told of it afterwards."""
        self._over = True
        self._show()

    def _show(self) -> None:
        if self._waits or self._aside or self._over:
            self._marks.remove(self._place)
            self._place = None
        elif self._place is None:
            self._place = self._marks.put(self._mark)


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
    process = _process_in(raw)
    marks = (raw[start : start + _MARK_BYTES] for start in range(0, _MARKS_BYTES, _MARK_BYTES))
    return LostCalls(frozenset(mark for mark in marks if any(mark)), bool(process) and is_gone(process))


def _is_left(file: Path) -> bool:
    """Whether nobody makes marks in it any more; one that is just being made says not yet who does."""
    if file.name.partition(".")[2] != (boot_id() or "boot"):
        return True
    try:
        process = _process_in(file.read_bytes())
    except OSError:  # it is gone, or another account's
        return False
    return bool(process) and is_gone(process)


def _process_in(raw: bytes) -> str:
    return raw[_MARKS_BYTES:].rstrip(b"\0").decode(errors="replace")


def _file_of(directory: Path, worker_id: str) -> Path:
    return directory / f"{worker_id}.{boot_id() or 'boot'}"
