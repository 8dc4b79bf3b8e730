"""`engine.housekeeping` on a journal."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from engine.contracts.actor import Role
from engine.contracts.housekeeping import ExportReport, PruneReport
from engine.contracts.status import RUN_TERMINAL
from engine.contracts.times import from_micros, rfc3339
from engine.errors import InvalidInput
from engine.governance.access import AccessScoped
from engine.journal.rules.pruning import PruneRange
from engine.journal.rules.run_filter import micros
from engine.runtime.archive.in_thread import in_thread
from engine.runtime.archive.run_archive import RunArchive
from engine.runtime.archive.writing import new_archive
from engine.runtime.files.folder_removal import folder_bytes, folders_before, remove_folder
from engine.threads import finish

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.status import RunStatus
    from engine.journal.port import Journal
    from engine.runtime.clock import Clock
    from engine.runtime.value_store import ValueStore
    from engine.runtime.views.output_files import OutputFiles
    from engine.runtime.views.run_reader import RunReader

TREES_AT_ONCE = 50
"""Trees of runs that are removed in one transaction."""
logger = logging.getLogger(__name__)


class Housekeeping(AccessScoped):
    """Implements `engine.facade.housekeeping.Housekeeping`."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        values: ValueStore,
        reader: RunReader,
        files: OutputFiles,
        runs_dir: Path,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._values = values
        self._reader = reader
        self._files = files
        self._runs_dir = runs_dir

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
        """See facade. Rows go first: a folder whose run is gone is found and removed the next time."""
        self.access.require(Role.ADMIN, actor)
        others = sorted(status.value for status in set(statuses) - RUN_TERMINAL)
        if others:
            raise InvalidInput(f"only runs that have ended are removed, not {', '.join(others)}")
        before = micros(finished_before) or 0
        wanted = PruneRange(before, tuple(statuses), self.access.tenant, rejected, pack)
        gone: list[tuple[str, str]] = []
        events = 0
        after: str | None = ""
        while after is not None:
            trees, after = await self._journal.upkeep.prunable(wanted, after, TREES_AT_ONCE)
            if trees and not dry_run:
                trees = await self._journal.upkeep.prune([tree.root for tree in trees], wanted)
            gone += [run for tree in trees for run in tree.runs]
            events += sum(tree.events for tree in trees)
        alerts = await self._alerts(wanted, remove=not dry_run)
        values = value_bytes = 0
        if not dry_run:
            values, value_bytes = await self._journal.upkeep.drop_blobs(
                *await self._journal.upkeep.unused_blobs()
            )
        folders = [*gone, *await self._left_behind(finished_before, pack)]
        sizes = await asyncio.to_thread(self._folders, folders, remove=not dry_run)
        if not dry_run:
            words = "%s removed %d runs that ended before %s, %d values and %d folders"
            logger.info(words, actor.name, len(gone), rfc3339(finished_before), values, len(sizes))
        return PruneReport(
            runs=tuple(run_id for run_id, _ in gone),
            events=events,
            values=values,
            value_bytes=value_bytes,
            folders=len(sizes),
            folder_bytes=sum(sizes),
            alerts=alerts,
            dry_run=dry_run,
        )

    async def _alerts(self, wanted: PruneRange, *, remove: bool) -> int:
        """Those that ended before; who asks for some of the runs asks for no alerts."""
        if set(wanted.statuses) != RUN_TERMINAL or (wanted.rejected, wanted.pack) != (None, None):
            return 0
        upkeep = self._journal.upkeep
        act = upkeep.drop_alerts if remove else upkeep.old_alerts
        return await act(wanted.finished_before, wanted.tenant)

    async def _left_behind(self, moment: datetime, only: str | None) -> list[tuple[str, str]]:
        """Folders of runs that are not there any more; seen by who looks at every tenant."""
        if self.access.tenant is not None:
            return []
        folders = await asyncio.to_thread(lambda: list(folders_before(self._runs_dir, moment.timestamp())))
        theirs = [(run_id, pack) for pack, run_id in folders if only in {None, pack}]
        return [(run_id, pack) for run_id, pack in theirs if await self._journal.run_row(run_id) is None]

    def _folders(self, runs: list[tuple[str, str]], *, remove: bool) -> list[int]:
        act = remove_folder if remove else folder_bytes
        sizes = (act(self._runs_dir, pack, run_id) for run_id, pack in runs)
        return [size for size in sizes if size is not None]

    async def export(self, run_id: str, target: Path, *, actor: Actor) -> ExportReport:
        """See facade."""
        reader = self._reader.within(self.access)
        await reader.row(run_id)
        runs = await self._journal.upkeep.tree(run_id)
        async with in_thread(new_archive(target)) as writer:
            archive = RunArchive(self._journal, reader, self._values, self._files, writer)
            for each in runs:
                await archive.add(each)
            facts = {
                "run_id": run_id,
                "runs": runs,
                "masked": True,
                "exported_at": rfc3339(from_micros(self._clock.now())),
                "exported_by": actor.name,
                "left_out": [file.model_dump(mode="json") for file in archive.left_out],
            }
            digest = await finish(asyncio.to_thread(writer.finish, facts))
        return ExportReport(
            run_id=run_id,
            path=str(target),
            runs=tuple(runs),
            files=len(writer.files),
            size=(await asyncio.to_thread(target.stat)).st_size,
            digest=digest,
            left_out=tuple(archive.left_out),
        )
