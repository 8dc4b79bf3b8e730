"""What every session of a worker shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import EngineConfig
    from engine.governance.door import ValueDoor
    from engine.journal.port import Journal
    from engine.runtime.clock import Clock
    from engine.runtime.files.run_folder import RunFolders
    from engine.runtime.pack_library.catalog_source import CatalogSource
    from engine.runtime.pack_library.pack_status import PackStatusSource
    from engine.runtime.pack_library.pinned import PinnedPacks
    from engine.runtime.pack_library.watch import PackWatch
    from engine.runtime.value_store import Blobs
    from engine.runtime.worker.faults import Faults
    from engine.runtime.worker.worker import Worker
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
    pack_facts: PackStatusSource
    pack_watch: PackWatch
    tools: ToolExecutor
    folders: RunFolders
    faults: Faults
    local: LocalWorker
