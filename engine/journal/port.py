"""The storage port: what the runtime and the facade ask of a journal, by part in `engine/journal/parts/`.

SQLite and memory keep it alike. Times are microseconds UTC, writes are durable; all may raise Unavailable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.journal.parts.paying import Payments
from engine.journal.parts.reading import RunReads
from engine.journal.parts.working import Work
from engine.journal.parts.writing import RunWrites

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.errors import Unavailable
    from engine.journal.changes import Listener
    from engine.journal.parts.notes import Notes, SharedNotes
    from engine.journal.parts.run_lists import RunLists
    from engine.journal.rules.levels.level_reads import LevelReads
    from engine.journal.rules.pruning import Upkeep
    from engine.journal.rules.publishing import PackStore
    from engine.journal.rules.spend_store import Spending


class Journal(RunWrites, Work, Payments, RunReads, Protocol):
    """Durable memory of runs."""

    @property
    def lists(self) -> RunLists:
        """The runs list."""
        ...

    @property
    def notes(self) -> Notes:
        """Drafts and saved filters."""
        ...

    @property
    def shared_notes(self) -> SharedNotes:
        """What processes note for each other."""
        ...

    @property
    def levels(self) -> LevelReads:
        """What service levels are computed from."""
        ...

    @property
    def packs(self) -> PackStore:
        """Last good contents, the registry, trusted code."""
        ...

    @property
    def spending(self) -> Spending:
        """What models used and cost."""
        ...

    @property
    def upkeep(self) -> Upkeep:
        """What keeps it small."""
        ...

    @property
    def failure(self) -> Unavailable | None:
        """Why nothing can be written or read: its file is not that of its path any more, or a later program
        changed it. Listeners hear when that begins and ends."""
        ...

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` (in the loop) after writes of this or another process; returns the undo."""
        ...

    async def close(self) -> None:
        """Write what is queued and close."""
        ...
