"""Which flow a subflow step starts: of the same pinned pack, or the active version of another."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.flow import FlowDef, SubflowStep
from engine.contracts.status import RunStatus, StepErrorCode
from engine.errors import InvalidInput
from engine.governance.pipeline import Point
from engine.journal.records import NewRun
from engine.json_schema.forms import payload_errors
from engine.machine.events.event import Event
from engine.machine.events.run_facts import RunQueued
from engine.machine.model.inputs import StepPrepared
from engine.machine.transition_builder import failure
from engine.runtime.worker.steps.run_subject import run_subject
from engine.runtime.worker.steps.start_verdict import start_verdict
from engine.tools.scopes import rendered_scopes

if TYPE_CHECKING:
    from engine.journal.rows import RunRow
    from engine.machine.model.effects import StartChild
    from engine.packs.loaded_pack import LoadedPack
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore

MAX_DEPTH = 8


@dataclass(slots=True)
class ChildFlows:
    """Resolves and queues children of one run, whose row is `row`, for the subflow steps of its flow."""

    packs: PackLibrary
    row: RunRow
    flow: PinnedFlow
    _packs: dict[str, LoadedPack] = field(default_factory=dict)
    _labels: dict[str, str] = field(default_factory=dict)
    _untrusted: set[str] = field(default_factory=set)
    _scopes: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    _subjects: dict[str, str | None] = field(default_factory=dict)

    async def pin(self) -> None:
        """Pin the other packs that the flow's subflow steps name."""
        for step in self.flow.graph.every_step:
            name = step.subflow.rpartition("/")[0] if isinstance(step, SubflowStep) else ""
            if name and name != self.row["pack"]:  # of its own pack it has the content that it pinned
                found = await self.packs.find(name)
                pack = found.pack if found is not None else None
                if pack is not None and not pack.problems:
                    await self.packs.pin(pack)
                    self._packs[pack.pack_id] = pack
                    self._labels[pack.pack_id] = await self.packs.label(pack)
                    if not await self.packs.trusts(pack):
                        self._untrusted.add(pack.pack_id)

    def check(self, subflow: str, params: Any, child_run_id: str, values: ValueStore) -> None:
        """Raises InvalidInput when the child cannot be started with these parameters."""
        if self.row["depth"] + 1 > MAX_DEPTH:
            raise InvalidInput(f"subflows are nested deeper than {MAX_DEPTH}", {"limit": MAX_DEPTH})
        pack_id, definition, _ = self._find(subflow)
        pack = self._packs.get(pack_id)
        fits = partial(payload_errors, definition.input, params)
        errors = values.apart(params, f"fits {subflow}", fits)
        if errors:
            listed = [{"field": error.field, "message": error.message} for error in errors]
            raise InvalidInput(
                f"subflow {subflow}: {errors[0].field or 'payload'}: {errors[0].message}", {"errors": listed}
            )
        layer = self.flow.layer if pack is None else pack.tools_layer
        self._scopes[child_run_id] = rendered_scopes(layer, params)

    def refused(self, subflow: str, params: Any, path: str, now: int) -> StepPrepared | None:
        """A step whose child may not be started, with the reason: what holds for every start holds here."""
        pack_id, definition, _ = self._find(subflow)
        pack = self._packs.get(pack_id)
        guardrails = self.flow.guardrails if pack is None else pack.guardrails
        verdict = start_verdict(self.packs.policies(pack_id)[0], guardrails, definition, params)
        if not verdict.denied:
            return None
        details = {**verdict.details, "reason": verdict.reason.value, "recoverable": False}
        error = failure(StepErrorCode.PERMISSION_DENIED, f"subflow {subflow}: {verdict.message}", **details)
        return StepPrepared(now=now, path=path, error=error, verdict=verdict.record(Point.START))

    def name(self, subflow: str, payload: Any, child_run_id: str, values: ValueStore) -> None:
        """Note what a child that will be started with this (stored) payload is about."""
        pack_id, definition, _ = self._find(subflow)
        if definition.title is not None:
            facts = {
                "run_id": child_run_id,
                "tenant": self.row["tenant"],
                "pack": pack_id,
                "flow": definition.id,
                "requested_by": self.row["requested_by"],
            }
            self._subjects[child_run_id] = run_subject(
                definition.title, payload, facts, values, values.resolve
            )

    def new_run(self, effect: StartChild, now: int) -> NewRun:
        """The child as it is queued in its parent's commit."""
        pack_id, definition, (version, digest) = self._find(effect.subflow)
        requested_by = str(self.row["requested_by"])
        subject = self._subjects.pop(effect.child_run_id, None)
        payload = {
            "pack": pack_id,
            "pack_version": version,
            "pack_digest": digest,
            "flow": definition.id,
            "flow_version": definition.version,
            "subject": subject,
            "tenant": self.row["tenant"],
            "requested_by": requested_by,
            "policy_digest": self.packs.policies(pack_id)[1],
            "trace_id": self.row["trace_id"] or None,
            "parent_run_id": self.row["run_id"],
            "input": effect.payload,
            "scopes": self._scopes.pop(effect.child_run_id, None) or None,
        }
        return NewRun(
            run_id=effect.child_run_id,
            tenant=self.row["tenant"],
            pack=pack_id,
            pack_version=version,
            pack_digest=digest,
            flow=definition.id,
            flow_version=definition.version,
            requested_by=requested_by,
            subject=subject,
            status=RunStatus.QUEUED,
            events=[Event(RunQueued(**payload), now, requested_by)],
            slot_limit=definition.concurrency,
            parent_run_id=self.row["run_id"],
            parent_path=effect.path,
            depth=self.row["depth"] + 1,
            trace_id=self.row["trace_id"],
            autonomy_level=definition.autonomy_level.value,
        )

    def _find(self, subflow: str) -> tuple[str, FlowDef, tuple[str, str]]:
        pack_id, _, flow_id = subflow.rpartition("/")
        if not pack_id or pack_id == self.row["pack"]:
            definition = self.flow.siblings.get(flow_id)
            if definition is not None:
                return self.row["pack"], definition, (self.row["pack_version"], self.flow.pack_digest)
        else:
            pack = self._packs.get(pack_id)
            definition = pack.flows.get(flow_id) if pack is not None else None
            if pack_id in self._untrusted:
                raise InvalidInput(f"the code of pack {pack_id} is not trusted", {"pack": pack_id})
            if pack is not None and definition is not None:
                return pack_id, definition, (self._labels[pack_id], pack.content.digest)
        raise InvalidInput(f"there is no flow {subflow} that could be started", {"subflow": subflow})
