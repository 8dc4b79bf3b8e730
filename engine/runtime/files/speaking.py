"""What calls of this process write just now: what is not in their runs' files yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class Writing(Protocol):
    """A call that may be writing a line."""

    def coming(self) -> Iterable[dict[str, Any]]:
        """Lines that are not in the file yet, the last one as far as it has come."""


class Speaking:
    """Calls that are being made, by run."""

    def __init__(self) -> None:
        self.calls: dict[str, list[Writing]] = {}

    def of(self, run_id: str) -> SpeakingOfRun:
        """Where the calls of a run tell that they have begun and ended."""
        return SpeakingOfRun(self, run_id)

    def coming(self, run_id: str) -> list[dict[str, Any]]:
        """Lines of a run that are not in its file yet."""
        return [line for call in self.calls.get(run_id, ()) for line in call.coming()]


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
