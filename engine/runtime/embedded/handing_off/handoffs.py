"""Handing a run off: what its pack declares, and the start of the run that takes over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.contracts.actor import Actor
from engine.contracts.packs.handoff import HandoffView
from engine.errors import ErrorCode, InvalidInput, Refused
from engine.runtime.embedded.starting.run_starter import HandedOver, StartRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from engine.config import EngineConfig
    from engine.contracts.layers.workflow import Handoff
    from engine.journal.records import NewRun
    from engine.journal.rows import RunRow
    from engine.packs.catalog.entries import CatalogEntry
    from engine.packs.loaded_pack import LoadedPack
    from engine.runtime.embedded.handing_off.context import HandoffContexts
    from engine.runtime.embedded.starting.run_starter import RunStarter
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.value_store import ValueStore
    from engine.runtime.views.run_reader import RunReader
    from engine.tools.context import ToolContext, WantedHandoff

MAX_NOTE = 20_000


class Handoffs:
    """What may take over from a run, and handing it off."""

    def __init__(
        self,
        config: EngineConfig,
        reader: RunReader,
        packs: PackLibrary,
        values: ValueStore,
        contexts: HandoffContexts,
        starter: RunStarter,
    ) -> None:
        self._policies = config.rules.policies
        self._reader = reader
        self._packs = packs
        self._values = values
        self._contexts = contexts
        self._starter = starter

    async def of(self, run_id: str) -> tuple[HandoffView, ...]:
        """See `engine.facade.runs.Runs.handoffs`."""
        views: list[HandoffView] = []
        for handoff in await self._declared(await self._reader.row_with_events(run_id)):
            found = await self._packs.find(handoff.target_agent)
            reason = await self._why_not(handoff.target_agent, found)
            view = HandoffView(
                target=handoff.target_agent,
                conditions=handoff.conditions,
                context_transfer=handoff.context_transfer,
                flows=found.flows if found is not None and reason is None else (),
                reason=reason,
            )
            views.append(view)
        return tuple(views)

    async def hand_off(
        self,
        run_id: str,
        target: str,
        flow: str | None,
        payload: Mapping[str, Any],
        *,
        actor: Actor,
        note: str | None,
        idempotency_key: str | None,
        base_dir: Path | None,
        by: str | None = None,
    ) -> tuple[str, NewRun]:
        """See `engine.facade.runs.Runs.hand_off`; `by` is told in place of the actor."""
        if note is not None and len(note) > MAX_NOTE:
            raise InvalidInput(f"the note is longer than {MAX_NOTE} characters")
        row = await self._reader.row_with_events(run_id)
        declared = await self._declared(row)
        handoff = next((each for each in declared if each.target_agent == target), None)
        if handoff is None:
            raise _undeclared(row, target, declared)
        if flow is None:
            flow = _only_flow(await self._packs.require(target))
        text = self._values.redact(note) if note and note.strip() else None
        limit = self._policies.for_pack(target).max_payload_bytes
        context = await self._contexts.of(
            row, handoff.context_transfer, by=by or actor.name, note=text, limit=limit
        )
        request = StartRequest(target, flow, payload, actor, row["tenant"], idempotency_key, base_dir)
        return await self._starter.start(replace(request, handed_over=HandedOver(run_id, text, context)))

    async def by_call(self, context: ToolContext, wanted: WantedHandoff) -> dict[str, str]:
        """A call of a run hands it off, once: the run of the other pack is of the same tenant, and of whoever
        requested this one. Raises as `hand_off`."""
        row = await self._reader.row_with_events(context.run_id)
        run_id, run = await self.hand_off(
            context.run_id,
            wanted.target,
            wanted.flow,
            wanted.payload,
            actor=Actor(name=row["requested_by"]),
            note=wanted.note,
            idempotency_key=f"handed off by {context.idempotency_key}",
            base_dir=None,
            by=f"{context.step_id} of {row['pack']}/{row['flow']}",
        )
        return {"run_id": run_id, "pack": run.pack, "flow": run.flow}

    async def _declared(self, row: RunRow) -> Sequence[Handoff]:
        """Of two handoffs to one pack the first; contents of earlier versions may hold such."""
        pack = await self._packs.pinned(row["pack"], row["pack_digest"])
        handoffs = pack.agent.workflow.handoffs if pack.agent is not None else ()
        first: dict[str, Handoff] = {}
        for handoff in handoffs:
            first.setdefault(handoff.target_agent, handoff)
        return tuple(first.values())

    async def _why_not(self, target: str, found: CatalogEntry | None) -> str | None:
        if found is None:
            return f"there is no pack {target} here"
        pack = found.pack
        if pack.problems:
            count = f"{len(pack.problems)} problem{'s' if len(pack.problems) > 1 else ''}"
            return f"the pack has {count}: {pack.problems[0]}"
        if not await self._packs.trusts(pack):
            return f"nobody has trusted the pack's code (tools.py): vasini pack trust {target}"
        return None if found.flows else "the pack has no flow that can be started"


def _only_flow(pack: LoadedPack) -> str:
    """Raises PackInvalid; NotFound, InvalidInput when the pack has none or several."""
    if not pack.problems and len(pack.flows) == 1:
        return next(iter(pack.flows))
    if not pack.problems and pack.flows:
        known, target = sorted(pack.flows), pack.pack_id
        message = f"pack {target} has several flows, name the one that takes over: {', '.join(known)}"
        raise InvalidInput(message, {"pack": target, "flows": known})
    return pack.startable("").id  # says what is wrong with the pack, or that it has no flow


def _undeclared(row: RunRow, target: str, declared: Sequence[Handoff]) -> Refused:
    known = [handoff.target_agent for handoff in declared]
    allowed = f"it may be handed off to: {', '.join(known)}" if known else "its pack declares no handoffs"
    return Refused(
        ErrorCode.HANDOFF_UNDECLARED,
        f"run {row['run_id']} cannot be handed off to {target}; {allowed}",
        {"run_id": row["run_id"], "target": target, "declared": known},
    )
