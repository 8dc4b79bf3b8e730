"""Concurrency slots of capped flows: who may start one more run. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.status import RUN_SLOT_HOLDING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from engine.journal.rows import RunRow, SlotRow


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not claimed: runs of flows whose slots are taken, and runs that cannot be read."""

    full: Sequence[str] = ()
    damaged: Collection[str] = ()


class Slots:
    """Slots used and allowed per flow, while runs are claimed.

    Versions of a flow may differ in their limit: the
    strictest of the runs that have work counts.
    """

    def __init__(self, rows: Iterable[SlotRow]) -> None:
        self._free: dict[str, int] = {
            row["slot_key"]: row["slot_limit"] - row["used"]
            for row in rows
            if isinstance(row["slot_key"], str)
        }

    def full(self) -> list[str]:
        """Flows that may not start another run."""
        return [key for key, free in self._free.items() if free <= 0]

    def take(self, run: RunRow) -> bool:
        """Whether the run may be claimed; it takes a slot unless it has none to take or holds one.

        One whose row is damaged there takes none: it is read, and found to be damaged.
        """
        key = run["slot_key"]
        if key not in self._free or run["status"] in RUN_SLOT_HOLDING:
            return True
        if self._free[key] <= 0:
            return False
        self._free[key] -= 1
        return True
