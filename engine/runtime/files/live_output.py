"""What calls of this process write just now: what is not in their runs' files yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.journal.encoding import decode

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable


@dataclass(slots=True)
class UnwrittenLines:
    """Whole lines of a run on their way into its file, and what becomes of them."""

    pack: str
    run_id: str
    kept: asyncio.Future[bool]
    lines: list[bytes] = field(default_factory=list)


class LiveCall(Protocol):
    """A call that may be writing a line."""

    def coming(self) -> Iterable[dict[str, Any]]:
        """The line of each stream that has not ended, as far as it has come."""


class LiveOutput:
    """Calls that are being made, and whole lines that are not in their files yet, by run."""

    def __init__(self) -> None:
        self.calls: dict[str, list[LiveCall]] = {}
        self.lines: dict[str, list[UnwrittenLines]] = {}

    def of(self, run_id: str) -> LiveOutputOfRun:
        """Where the calls of a run tell that they have begun and ended."""
        return LiveOutputOfRun(self, run_id)

    def coming(self, run_id: str) -> list[dict[str, Any]]:
        """Lines of a run that are not in its file yet."""
        unwritten = b"".join(part for one in self.lines.get(run_id, ()) for part in one.lines)
        whole = [decode(line) for line in unwritten.splitlines()]
        return [*whole, *(line for call in self.calls.get(run_id, ()) for line in call.coming())]

    def written(self, lines: UnwrittenLines) -> None:
        """These are in the file, or will never be."""
        waiting = self.lines[lines.run_id]
        waiting.remove(lines)
        if not waiting:
            del self.lines[lines.run_id]


class LiveOutputOfRun:
    """Calls of one run."""

    def __init__(self, live_output: LiveOutput, run_id: str) -> None:
        self._live_output = live_output
        self._run_id = run_id

    def begin(self, call: LiveCall) -> None:
        """It can be looked at from now on."""
        self._live_output.calls.setdefault(self._run_id, []).append(call)

    def end(self, call: LiveCall) -> None:
        """Nothing more comes."""
        calls = self._live_output.calls[self._run_id]
        calls.remove(call)
        if not calls:
            del self._live_output.calls[self._run_id]
