"""What every session of a worker shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import EngineConfig
    from engine.governance.door import ValueDoor
    from engine.journal.port import Journal
    from engine.runtime.blobs import Blobs
    from engine.runtime.catalog_source import CatalogSource
    from engine.runtime.clock import Clock
    from engine.runtime.faults import Faults
    from engine.runtime.folder import RunFolders
    from engine.runtime.pack_facts import PackFactsSource
    from engine.runtime.pack_watch import PackWatch
    from engine.runtime.pinned import PinnedPacks
    from engine.runtime.worker import Worker
    from engine.tools.executor import ToolExecutor


@dataclass(slots=True)
class LocalWorker:
    """The worker of this process, while there is one."""

    worker: Worker | None = None


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The parts of one engine."""

    config: EngineConfig
    journal: Journal
    clock: Clock
    door: ValueDoor
    blobs: Blobs
    packs: PinnedPacks
    catalog: CatalogSource
    pack_facts: PackFactsSource
    pack_watch: PackWatch
    tools: ToolExecutor
    folders: RunFolders
    faults: Faults
    local: LocalWorker
