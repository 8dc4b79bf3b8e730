"""What one isolated call may see and change, beside the system it runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """The directories of a call; what is in none of them is not there for it."""

    program: str
    """The bubblewrap that makes it."""
    reads: tuple[Path, ...] = ()
    """Seen as they are, but not written."""
    writes: tuple[Path, ...] = ()
    """Seen as they are."""
    empty: tuple[Path, ...] = ()
    """There, with nothing in them, and gone with the call."""
    folder: Literal["read", "write"] | None = None
    """How the directory is seen that the call starts in."""
    hidden: tuple[Path, ...] = ()
    """Not seen, also where it is below one of the others."""
    denied: tuple[Path, ...] = ()
    """Seen in no way."""
    network: bool = False
    instead: tuple[tuple[Path, Path], ...] = ()
    """Pairs of a directory and the place at which it is seen."""

    def told(self) -> list[str]:
        """In lines for a person who approves the call."""
        written = [
            *map(str, dict.fromkeys(self.writes)),
            *(f"a copy of {place}" for _, place in self.instead),
        ]
        writes = ", ".join(written) or "nothing that stays"
        reads = f", {', '.join(map(str, dict.fromkeys(self.reads)))}" if self.reads else ""
        return [
            "sandbox: isolated",
            f"network: {'full' if self.network else 'none'}",
            f"reads: the system{reads}",
            f"writes: {writes}",
        ]
