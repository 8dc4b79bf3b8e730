"""Packs as readers see them: state, version label, flows, problems, runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.packs.pack import FlowView, PackState, PackView, RunsOfVersion
from engine.contracts.times import from_micros
from engine.packs.checks.flow_shape import sequences
from engine.packs.code import code_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.flows.flow import FlowDef
    from engine.packs.catalog.entries import CatalogEntry
    from engine.packs.loaded_pack import LoadedPack

EDITED = "+edited"


@dataclass(frozen=True, slots=True)
class PackStatus:
    """What the journal knows about packs."""

    published: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(pack, version) -> digest."""
    trusted: frozenset[tuple[str, str]] = frozenset()
    """(pack, digest of its code)."""
    runs: Mapping[str, Sequence[RunsOfVersion]] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)

    def label(self, pack: LoadedPack) -> str:
        """The version as it is shown; edits of what was published say so."""
        published = self.published.get((pack.pack_id, pack.version))
        return pack.version + (EDITED if published not in {None, pack.content.digest} else "")

    def trusts(self, pack: LoadedPack) -> bool:
        """Whether the pack's code may run: the release trusts what it ships, operators trust by digest."""
        if pack.source == "shipped" or not pack.has_code:
            return True
        return (pack.pack_id, code_digest(pack.content.code)) in self.trusted


def pack_view(found: CatalogEntry, status: PackStatus) -> PackView:
    """A pack as it is listed."""
    pack = found.pack
    manifest = pack.manifest
    trusted = status.trusts(pack)
    return PackView(
        pack=pack.pack_id,
        state=_state(found, trusted),
        version=manifest.version if manifest else pack.content.version,
        label=status.label(pack) if pack.content.version else "",
        published=status.published.get((pack.pack_id, pack.version)) == pack.content.digest,
        name=manifest.name if manifest else None,
        description=manifest.description if manifest else "",
        risk_level=manifest.risk_level if manifest else None,
        llm=manifest.llm if manifest else None,
        digest=pack.content.digest,
        source=pack.source,
        directory=str(found.reading.place.directory),
        trusted=trusted,
        has_code=pack.has_code,
        flows=found.flows,
        problems=found.problems,
        not_in_force=pack.not_in_force,
        runs=tuple(status.runs.get(pack.pack_id, ())),
        runs_in_all=status.totals.get(pack.pack_id, 0),
        loaded_at=from_micros(found.reading.read_at) if found.reading.read_at else None,
    )


def flow_views(pack: LoadedPack) -> tuple[FlowView, ...]:
    """Every flow that can be started, as it is listed."""
    return tuple(flow_view(pack.pack_id, flow) for flow in pack.flows.values())


def flow_view(pack_id: str, flow: FlowDef) -> FlowView:
    """A flow as it is listed."""
    document = flow.model_dump(mode="json", by_alias=True)
    return FlowView(
        pack=pack_id,
        flow=flow.id,
        description=flow.description or "",
        version=flow.version,
        autonomy_level=flow.autonomy_level,
        input_schema=flow.input,
        steps=sum(len(sequence.nodes) for sequence in sequences(document)),
        converses=_converses(flow),
    )


def _converses(flow: FlowDef) -> bool:
    """Whether it is a conversation that a message begins."""
    talking = any(isinstance(step, AgentStep) and step.converses for step in flow.steps)
    return talking and "message" in flow.input.get("properties", {})


def _state(found: CatalogEntry, trusted: bool) -> PackState:
    if found.pack.problems:
        return PackState.BROKEN
    if found.stale:
        return PackState.STALE
    return PackState.OK if trusted else PackState.UNTRUSTED_CODE
