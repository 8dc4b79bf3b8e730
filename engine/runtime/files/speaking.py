"""What calls of this process write just now: what is not in their runs' files yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.journal.encoding import decode

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable


@dataclass(slots=True)
class Lines:
    """Whole lines of a run on their way into its file, and what becomes of them."""

    pack: str
    run_id: str
    kept: asyncio.Future[bool]
    lines: list[bytes] = field(default_factory=list)


class Writing(Protocol):
    """A call that may be writing a line."""

    def coming(self) -> Iterable[dict[str, Any]]:
        """The line of each stream that has not ended, as far as it has come."""


class Speaking:
    """Calls that are being made, and whole lines that are not in their files yet, by run."""

    def __init__(self) -> None:
        self.calls: dict[str, list[Writing]] = {}
        self.lines: dict[str, list[Lines]] = {}

    def of(self, run_id: str) -> SpeakingOfRun:
        """Where the calls of a run tell that they have begun and ended."""
        return SpeakingOfRun(self, run_id)

    def coming(self, run_id: str) -> list[dict[str, Any]]:
        """Lines of a run that are not in its file yet."""
        whole = [decode(line) for one in self.lines.get(run_id, ()) for line in one.lines]
        return [*whole, *(line for call in self.calls.get(run_id, ()) for line in call.coming())]

    def written(self, lines: Lines) -> None:
        """These are in the file, or will never be."""
        waiting = self.lines[lines.run_id]
        waiting.remove(lines)
        if not waiting:
            del self.lines[lines.run_id]


class SpeakingOfRun:
    """Calls of one run."""

    def __init__(self, speaking: Speaking, run_id: str) -> None:
        self._speaking = speaking
        self._run_id = run_id

    def begin(self, call: Writing) -> None:
        """It can be looked at from now on."""
        self._speaking.calls.setdefault(self._run_id, []).append(call)

    def end(self, call: Writing) -> None:
        """Nothing more comes."""
        calls = self._speaking.calls[self._run_id]
        calls.remove(call)
        if not calls:
            del self._speaking.calls[self._run_id]
