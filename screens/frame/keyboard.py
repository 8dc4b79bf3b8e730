"""What is known of the keyboard: whether a key came alone, and whether it has been still since a refusal."""

from __future__ import annotations

from dataclasses import dataclass

ALONE_SECONDS = 0.1
"""Keys that come closer than this are one burst: a paste, an answer of the terminal, a key that is held."""

STILL_SECONDS = 0.5
"""After a refusal decision keys are dead until no key has come for so long."""


@dataclass(slots=True)
class Keyboard:
    """Every key is told to it when it arrives, in monotonic seconds."""

    count: int = 0
    _last: float = float("-inf")
    _alone: bool = True
    _dead: bool = False

    def came(self, at: float) -> None:
        """A key has come."""
        gap = at - self._last
        self._alone = gap >= ALONE_SECONDS
        if gap >= STILL_SECONDS:
            self._dead = False
        self._last = at
        self.count += 1

    def refused(self) -> None:
        """A decision key was refused: what is typed on means something else."""
        self._dead = True

    def problem(self) -> str:
        """Why the last key decides nothing; empty when it may."""
        if self._dead:
            return "decision keys rest until no key has come for half a second"
        if not self._alone:
            return "it came together with other keys"
        return ""
