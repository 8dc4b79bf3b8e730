"""What one isolated call may see and change, beside the system it runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """The directories of a call; what is in none of them is not there for it.

    `program` is the bubblewrap that makes it. `reads`, `writes`: seen as they are, the former read-only.
    `empty`: there, with nothing in them, and gone with the call. `folder`: how the directory is seen that the
    call starts in. `hidden`: not seen, also where it is below one of the others; `denied`: in no way.
    `instead`: pairs of a directory and the place at which it is seen.
    """

    program: str
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    empty: tuple[Path, ...] = ()
    folder: Literal["read", "write"] | None = None
    hidden: tuple[Path, ...] = ()
    denied: tuple[Path, ...] = ()
    network: bool = False
    instead: tuple[tuple[Path, Path], ...] = ()

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
