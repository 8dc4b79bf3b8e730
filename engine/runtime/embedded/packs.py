"""`engine.packs` on the catalog and the journal."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contracts.actor import Role
from engine.contracts.packs.versions import PackDetail, SourceFile
from engine.errors import NotFound, PackInvalid
from engine.governance.access import DEFAULT_TENANT, AccessScoped
from engine.runtime.embedded.run_ancestry import refuse_a_run
from engine.runtime.pack_library.diffs import between, on_disk
from engine.runtime.views.paging import page_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.contracts.actor import Actor
    from engine.contracts.flows.trigger import TriggerList, TriggerState
    from engine.contracts.packs.pack import FlowView, PackView, Problem
    from engine.contracts.packs.versions import CodeReview, PackDiff, PackNotice, PackVersion
    from engine.journal.port import Journal
    from engine.packs.catalog.entries import CatalogEntry
    from engine.runtime.clock import Clock
    from engine.runtime.embedded.triggering.sources import TriggerSource
    from engine.runtime.pack_library.catalog_source import CatalogSource
    from engine.runtime.pack_library.diffs import DiffSides, Side
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.pack_library.pack_status import PackStatusSource
    from engine.runtime.pack_library.registry import PackRegistry
    from engine.runtime.pack_library.trust import CodeTrust
    from engine.tools.mcp.records import ServerView


class PackList(AccessScoped):
    """Implements `engine.facade.packs.Packs`."""

    def __init__(
        self,
        library: PackLibrary,
        source: CatalogSource,
        status: PackStatusSource,
        sides: DiffSides,
        registry: PackRegistry,
        trust: CodeTrust,
        journal: Journal,
        clock: Clock,
        servers: Callable[[], tuple[ServerView, ...]],
    ) -> None:
        self._servers = servers
        self._library = library
        self._source = source
        self._status = status
        self._sides = sides
        self._registry = registry
        self._trust = trust
        self._journal = journal
        self._clock = clock

    async def list(self) -> tuple[PackView, ...]:
        """See facade."""
        catalog, status = await self._library.catalog(), await self._status.read(self.access.tenant)
        from engine.packs.catalog.pack_views import pack_view  # noqa: PLC0415 - loaded with the catalog

        return tuple(pack_view(found, status) for found in catalog.found)

    async def get(self, pack: str) -> PackDetail:
        """See facade."""
        found, status = await self._library.require_entry(pack), await self._status.read(self.access.tenant)
        from engine.packs.catalog.outline import flow_outlines  # noqa: PLC0415 - loaded with the catalog
        from engine.packs.catalog.pack_views import pack_view  # noqa: PLC0415
        from engine.packs.publishing.signature import signing_digest  # noqa: PLC0415

        in_force = await self._sides.in_force(found.pack)
        return PackDetail(
            view=pack_view(found, status),
            agent=found.pack.agent,
            outlines=flow_outlines(found.pack),
            files=tuple(sorted(found.pack.content.files)),
            sources=_sources(found),
            versions=await self._registry.versions(found.pack.pack_id),
            last_change=await self._last_change(found, in_force),
            rejected=await between(in_force, on_disk(found), layers=False) if found.stale else None,
            signing_digest=await asyncio.to_thread(signing_digest, found.pack.content),
        )

    async def flow(self, pack: str, flow: str) -> FlowView:
        """See facade."""
        startable = (await self._library.require(pack)).startable(flow)
        from engine.packs.catalog.pack_views import flow_view  # noqa: PLC0415 - loaded with the catalog

        return flow_view(pack, startable)

    async def triggers(self, *, limit: int = 10) -> TriggerList:
        """See facade."""
        from engine.runtime.embedded.triggering import sources as trigger_sources  # noqa: PLC0415 - seldom needed
        from engine.runtime.embedded.triggering import switch as trigger_switch  # noqa: PLC0415 - seldom needed

        sources = await self._trigger_sources()
        found = await trigger_switch.with_switches(self._journal.shared_notes, sources)
        return trigger_sources.trigger_list(found, self._clock.now(), page_size(limit))

    async def switch_trigger(self, name: str, *, on: bool, actor: Actor) -> TriggerState:
        """See facade."""
        self.access.require(Role.OPERATOR, actor)
        from engine.runtime.embedded.triggering import sources as trigger_sources  # noqa: PLC0415 - seldom needed
        from engine.runtime.embedded.triggering import switch as trigger_switch  # noqa: PLC0415 - seldom needed

        sources = await self._trigger_sources()
        notes, now = self._journal.shared_notes, self._clock.now()
        found = await trigger_switch.switch(notes, sources, name, on=on, actor=actor, now=now)
        return trigger_sources.trigger_state(found)

    async def _trigger_sources(self) -> Sequence[TriggerSource]:
        """Those of all packs, for whoever sees the tenant that their runs belong to."""
        from engine.runtime.embedded.triggering.sources import trigger_sources  # noqa: PLC0415 - seldom needed

        return await trigger_sources(self._library) if self.access.sees(DEFAULT_TENANT) else ()

    async def validate(self, directory: Path) -> tuple[PackView, tuple[Problem, ...]]:
        """See facade."""
        if not await asyncio.to_thread(os.path.isdir, directory):
            raise NotFound(f"there is no directory {directory}", {"directory": str(directory)})
        catalog, status = await self._library.catalog(), await self._status.labels()
        from engine.packs.catalog.pack_views import pack_view  # noqa: PLC0415 - loaded with the catalog
        from engine.runtime.pack_library.server_tools import compared  # noqa: PLC0415 - seldom needed

        found = await asyncio.to_thread(catalog.check, directory, self._library.roots)
        problems, notes = compared(found.pack, await asyncio.to_thread(self._servers))
        view = pack_view(found, status)
        told = {"problems": (*view.problems, *problems), "not_in_force": (*view.not_in_force, *notes)}
        view = view.model_copy(update=told)
        return view, view.problems

    async def reload(self) -> tuple[PackNotice, ...]:
        """See facade."""
        return await self._source.refresh()

    async def path(self, pack: str, file: str | None = None) -> Path:
        """See facade."""
        found = await self._library.require_entry(pack)
        directory = found.reading.place.directory
        if file is None:
            return directory
        target = await asyncio.to_thread(self._pack_file, directory, file)
        if target is None:
            raise NotFound(f"pack {pack} has no file {file}", {"pack": pack, "file": file})
        return target

    async def versions(self, pack: str) -> tuple[PackVersion, ...]:
        """See facade."""
        return await self._registry.versions(pack)

    async def publish(
        self, pack: str, *, actor: Actor, sbom: str | None = None, digest: str | None = None
    ) -> PackVersion:
        """See facade."""
        self.access.require(Role.OPERATOR, actor)
        return await self._registry.publish(pack, actor, sbom, digest)

    async def diff(self, before: str | Path, after: str | Path) -> PackDiff:
        """See facade."""
        return await between(await self._sides.named(before), await self._sides.named(after))

    async def code(self, pack: str) -> CodeReview:
        """See facade."""
        return await self._trust.code(pack)

    async def trust(self, pack: str, digest: str, *, actor: Actor) -> CodeReview:
        """See facade."""
        self.access.require(Role.ADMIN, actor)
        await refuse_a_run(self._journal)
        return await self._trust.trust(pack, digest, actor)

    def _pack_file(self, directory: Path, file: str) -> Path | None:
        """The file's path without `..`, when it is one of the packs directories'."""
        target = Path(os.path.normpath(directory / file))
        try:
            resolved = target.resolve()
            inside = any(resolved.is_relative_to(root.resolve()) for root in self._library.roots)
            return target if inside and resolved.is_file() else None
        except (OSError, RuntimeError, ValueError):
            return None

    async def _last_change(self, found: CatalogEntry, now: Side) -> PackDiff | None:
        digest = await self._source.good.before(found.reading.place.key)
        try:
            before = await self._sides.stored(found.pack, digest) if digest is not None else None
        except PackInvalid:  # what was before is damaged: the pack is shown all the same
            return None
        return await between(before, now) if before is not None else None


def _sources(found: CatalogEntry) -> tuple[SourceFile, ...]:
    """Files with problems, in the order of the problems."""
    by_file: dict[str, list[Problem]] = {}
    for problem in found.problems:
        by_file.setdefault(problem.file, []).append(problem)
    texts = found.reading.files.content.files
    return tuple(
        SourceFile(file=file, text=texts.get(file), problems=tuple(problems))
        for file, problems in by_file.items()
    )
