"""What every part of the reading is: it asks the connection of the journal that it is a part of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence


class PartOfReading(ABC):
    """One part of `engine.journal.parts.reading.RunReads`; a journal is all of them."""

    @abstractmethod
    async def _read(
        self, statement: str, arguments: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[sqlite3.Row]:
        """What a statement finds. Raises Unavailable."""
