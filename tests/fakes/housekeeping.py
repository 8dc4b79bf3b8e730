"""Housekeeping that removes nothing and writes nothing, and records what was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.housekeeping import ExportReport, PruneReport
from engine.contracts.status import RUN_TERMINAL, RunStatus

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    from engine.contracts.actor import Actor


@dataclass
class FakeHousekeeping:
    report: PruneReport = field(default_factory=lambda: PruneReport(runs=("run-1",), events=4))
    pruned: dict[str, Any] = field(default_factory=dict)
    exported: tuple[str, Path, str] | None = None

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
        self.pruned = {"before": finished_before, "actor": actor.name, "statuses": set(statuses)}
        self.pruned |= {"rejected": rejected, "pack": pack}
        return self.report.model_copy(update={"dry_run": dry_run})

    async def export(self, run_id: str, target: Path, *, actor: Actor) -> ExportReport:
        self.exported = (run_id, target, actor.name)
        return ExportReport(
            run_id=run_id, path=str(target), runs=(run_id,), files=3, size=99, digest="d" * 64
        )
