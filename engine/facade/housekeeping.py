"""The facade's part for what an installation needs from time to time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.contracts.status import RUN_TERMINAL

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.housekeeping import ExportReport, PruneReport
    from engine.contracts.status import RunStatus


class Housekeeping(Protocol):
    """Old runs gone, and one run taken away whole."""

    async def prune(
        self,
        finished_before: datetime,
        *,
        actor: Actor,
        statuses: Collection[RunStatus] = RUN_TERMINAL,
        rejected: bool | None = None,
        pack: str | None = None,
        dry_run: bool = False,
    ) -> PruneReport:
        """Remove runs that ended before a moment: their rows, values that nothing else refers to, folders.

        A run goes with all that were started below it, or stays. What works, waits, or has something to do
        stays, and so does the run of the journal's newest event. Of failed runs only those go that a person
        `rejected` (True), or only the others (False); `pack` is that of the run that nobody started from
        another. Where every run is meant, alerts of
        service levels that ended before go, too. Raises Refused (`role_missing`),
        InvalidInput for a status that does not end a run.
        """
        ...

    async def export(self, run_id: str, target: Path, *, actor: Actor) -> ExportReport:
        """Write one archive (zip) of the run and those started below it: whole, and masked.

        Raises NotFound, InvalidInput (`target` is there, or its directory is not), Unavailable.
        """
        ...
