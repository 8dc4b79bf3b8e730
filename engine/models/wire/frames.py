"""Frames of a streamed answer: bytes as they come become whole lines, and lines become events."""

from __future__ import annotations

from typing import Protocol

from engine.models.failure import malformed

MAX_FRAME = 4 * 1024 * 1024
"""Bytes of one line or event; whoever sends more sends no answer."""
_BOM = b"\xef\xbb\xbf"


class Frames(Protocol):
    """Cuts bytes into frames; what is not whole yet is kept."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The frames that are whole now. Raises ModelFailure (`malformed`) for one that is too long."""


class LineFrames:
    """Lines, without those that are empty: JSON values one after the other."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are whole now. Raises ModelFailure."""
        return [line for line in self.lines(chunk) if line]

    def lines(self, chunk: bytes) -> list[bytes]:
        """The same with empty ones. A line ends with LF or CR LF."""
        if b"\n" not in chunk:
            self._keep(chunk)
            return []
        *whole, rest = chunk.split(b"\n")
        whole[0] = b"".join([*self._rest, whole[0]])
        self._rest, self._size = [], 0
        self._keep(rest)
        return [_bounded(line).removesuffix(b"\r") for line in whole]

    def _keep(self, rest: bytes) -> None:
        if rest:
            self._rest.append(rest)
            self._size += len(rest)
            _require_fitting(self._size)


class EventFrames:
    """Server-sent events: the data of each; comments and other fields say nothing to us."""

    def __init__(self) -> None:
        self._lines = LineFrames()
        self._data: list[bytes] = []
        self._size = 0
        self._first = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that are whole now. Raises ModelFailure."""
        events = []
        for raw in self._lines.lines(chunk):
            line = raw.removeprefix(_BOM) if self._first else raw
            self._first = False
            if line.startswith(b"data:"):
                data = line[5:].removeprefix(b" ")
                self._data.append(data)
                self._size += len(data)
                _require_fitting(self._size)
            elif line.startswith(b"error:"):  # llama.cpp tells so of what went wrong
                events.append(b'{"error":' + line[6:] + b"}")
            elif not line and self._data:
                if any(self._data):  # an empty one keeps the connection alive
                    events.append(b"\n".join(self._data))
                self._data, self._size = [], 0
        return events


def _bounded(line: bytes) -> bytes:
    _require_fitting(len(line))
    return line


def _require_fitting(size: int) -> None:
    if size > MAX_FRAME:
        raise malformed(f"the server sent a line or an event of more than {MAX_FRAME} bytes")
