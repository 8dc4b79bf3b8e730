"""Starting a run: every check before it exists, and the record of a refusal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, InvalidInput, Refused, VasiniError
from engine.governance.pipeline import Outcome, Point, Reason, Verdict
from engine.journal.records import NewRun
from engine.journal.rules.rows.run_words import run_words
from engine.json_schema.forms import fill_defaults, path_fields, payload_errors
from engine.json_schema.messages import told
from engine.large_values import off_loop_if_large
from engine.machine.events.event import Event
from engine.machine.events.run_facts import GovernanceDecision, RunQueued, RunRefused
from engine.runtime.clock import new_id
from engine.runtime.embedded.starting.isolation import require_isolation
from engine.runtime.files.attached_images import with_images_read
from engine.runtime.worker.steps.run_subject import run_subject
from engine.runtime.worker.steps.start_verdict import start_verdict
from engine.safe_files.naming import at_home
from engine.tools.scopes import rendered_scopes
from engine.tracing import trace_id_of
from engine.values import digest_of, with_images_shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.config import EngineConfig
    from engine.contracts.actor import Actor
    from engine.contracts.flows.flow import FlowDef
    from engine.governance.policies import Policies
    from engine.governance.redactor import StoredValue
    from engine.journal.port import Journal
    from engine.packs.loaded_pack import LoadedPack
    from engine.runtime.clock import Clock
    from engine.runtime.intake import Intake
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.value_store import ValueStore


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What somebody asked to start."""

    pack: str
    flow: str
    payload: Mapping[str, Any]
    actor: Actor
    tenant: str
    idempotency_key: str | None
    base_dir: Path | None
    handed_over: HandedOver | None = None
    refused_once: bool = False
    """A refusal uses up the idempotency key: it is recorded once, whoever asks for the same start again."""
    traceparent: str | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The run that hands off to the one asked for, and what it tells it."""

    run_id: str
    note: str | None
    context: StoredValue


class RunStarter:
    """Checks what somebody asked to start, and queues the run."""

    def __init__(
        self,
        config: EngineConfig,
        journal: Journal,
        clock: Clock,
        values: ValueStore,
        packs: PackLibrary,
        intake: Intake,
    ) -> None:
        self._bubblewrap = config.bubblewrap
        self._journal = journal
        self._clock = clock
        self._values = values
        self._packs = packs
        self._intake = intake

    async def start(self, request: StartRequest) -> tuple[str, NewRun]:
        """Queue the run; its id (an earlier one for a known key). Raises as `Runs.start` of the facade."""
        if request.idempotency_key == "":
            raise InvalidInput("the idempotency key is empty; leave it out, or name one", {"key": ""})
        pack = await self._packs.require(request.pack)
        flow = pack.startable(request.flow)
        payload = fill_defaults(flow.input, request.payload)
        if request.base_dir is not None:
            payload = _absolute_paths(flow, payload, request.base_dir)
        try:
            await self._check_trust(pack)
            given, base = request.payload, request.base_dir
            payload, images = await with_images_read(flow.input, given, payload, base)
            policies, _ = self._packs.policies(pack.pack_id)
            await off_loop_if_large(payload, lambda: _check(policies, pack, flow, payload))
            await require_isolation(flow, pack.tools_layer, self._bubblewrap)
            stored = await self._values.store_any(payload)
        except VasiniError as refusal:
            await self._record_refusal(request, pack, flow, payload, refusal)
            raise
        await self._packs.pin(pack)
        layer = pack.tools_layer
        scopes: dict[str, list[str]] = {}
        if layer is not None and layer.names_paths:
            scopes = await asyncio.to_thread(rendered_scopes, layer, payload)
        run = await self._queued(request, pack, flow, stored, images, scopes)
        return await self._intake.start(run), run

    async def _queued(
        self,
        request: StartRequest,
        pack: LoadedPack,
        flow: FlowDef,
        payload: StoredValue,
        images: dict[str, bytes],
        scopes: dict[str, list[str]],
    ) -> NewRun:
        label = await self._packs.label(pack)
        head = {
            "pack": pack.pack_id,
            "pack_version": label,
            "pack_digest": pack.content.digest,
            "flow": flow.id,
            "flow_version": flow.version,
            "tenant": request.tenant,
            "requested_by": request.actor.name,
            "input": payload.value,
            "scopes": scopes or None,
            "policy_digest": self._packs.policies(pack.pack_id)[1],
        }
        if request.session_id is not None:
            head |= {"session_id": request.session_id}
        handed_over, blobs = request.handed_over, payload.blobs
        if handed_over is not None:
            head |= {"handed_off_from": handed_over.run_id, "handoff": handed_over.context.value}
            blobs = {**blobs, **handed_over.context.blobs}
        run_id = new_id("run")
        subject = await self._subject(run_id, flow, head, blobs)
        head |= {"subject": subject}
        run = _new_run(run_id, request, pack, flow, RunStatus.QUEUED, head, self._clock.now())
        return replace(
            run,
            session_id=request.session_id,
            subject=subject,
            pack_version=label,
            idempotency_key=request.idempotency_key,
            request_digest=_digest(request, pack, flow, payload.value),
            handed_off_from=handed_over.run_id if handed_over is not None else None,
            blobs={**blobs, **images},
            words=await self._words(subject, payload),
            attachments=isinstance(request.payload.get("files"), list),
        )

    async def _subject(
        self, run_id: str, flow: FlowDef, head: Mapping[str, Any], blobs: Mapping[str, bytes]
    ) -> str | None:
        """What the run is about, for lists."""
        if flow.title is None:
            return None
        facts = {
            "run_id": run_id,
            **{name: head[name] for name in ("tenant", "pack", "flow", "requested_by")},
        }
        return await asyncio.to_thread(
            run_subject,
            flow.title,
            head["input"],
            facts,
            self._values,
            lambda digest: from_json(blobs[digest]),
            handoff=head.get("handoff"),
        )

    async def _words(self, subject: str | None, payload: StoredValue) -> str:
        """What the run is found by until it ends: nothing of it that is masked."""
        if not payload.blobs:  # kept as it is: there is nothing to mask
            return run_words(subject, with_images_shown(payload.value))
        whole = await self._values.load(payload.value)
        return await off_loop_if_large(whole, lambda: run_words(subject, self._values.redact(whole)))

    async def _check_trust(self, pack: LoadedPack) -> None:
        if not await self._packs.trusts(pack):
            raise Refused(
                ErrorCode.PACK_UNTRUSTED,
                f"pack {pack.pack_id} brings code of its own (tools.py) that nobody has trusted; "
                f"it does not run before: vasini pack trust {pack.pack_id}",
                {"pack": pack.pack_id, "digest": pack.content.digest},
            )

    async def _record_refusal(
        self,
        request: StartRequest,
        pack: LoadedPack,
        flow: FlowDef,
        payload: dict[str, Any],
        refusal: VasiniError,
    ) -> None:
        """Leave a FAILED run with one event and the payload's digest only; no idempotency key is used up."""
        digest = await off_loop_if_large(payload, lambda: _digest_or_none(payload))
        error = self._values.redact(
            {"code": refusal.code.value, "message": refusal.message, "details": dict(refusal.details)}
        )
        head = {"error": error, "payload_digest": digest, "requested_by": request.actor.name}
        now = self._clock.now()
        run = _new_run(new_id("run"), request, pack, flow, RunStatus.FAILED, head, now, error)
        run = replace(run, words=run_words(None, None, error))
        if (fact := _decision_in(refusal)) is not None:
            ts, actor = run.events[0].ts, request.actor
            run = replace(run, events=[*run.events, Event(fact, ts, actor.name, via=actor.via)])
        if request.refused_once and request.idempotency_key is not None:
            key = request.idempotency_key
            run = replace(run, idempotency_key=key, request_digest=digest_of([key]))
        run_id, _ = await self._journal.create_run(run)
        refusal.details["run_id"] = run_id


def _decision_in(refusal: VasiniError) -> GovernanceDecision | None:
    """What policy decided, when it was policy that refused."""
    too_large = refusal.code is ErrorCode.PAYLOAD_TOO_LARGE
    named = Reason.PAYLOAD_TOO_LARGE if too_large else refusal.details.get("reason")
    if named not in set(Reason):
        return None
    details = {key: value for key, value in refusal.details.items() if key != "reason"}
    verdict = Verdict(Outcome.DENY, Reason(named), refusal.message, details)
    return GovernanceDecision(**verdict.record(Point.START))


def _digest_or_none(payload: Any) -> str | None:
    try:
        return digest_of(payload)
    except (ValueError, TypeError, RecursionError):
        return None


def _digest(request: StartRequest, pack: LoadedPack, flow: FlowDef, payload: Any) -> str | None:
    """What an idempotency key is bound to."""
    if request.idempotency_key is None:
        return None
    source = request.handed_over
    handed_over = [] if source is None else [source.run_id, source.note]
    session = [] if request.session_id is None else [{"session_id": request.session_id}]
    return digest_of([pack.pack_id, flow.id, payload, *handed_over, *session])


def _absolute_paths(flow: FlowDef, payload: dict[str, Any], base: Path) -> dict[str, Any]:
    """Input fields with `format: path` are resolved against the requester's directory."""
    for field in path_fields(flow.input):
        payload = _absolute_path(payload, field, base)
    return payload


def _absolute_path(payload: dict[str, Any], field: Sequence[str], base: Path) -> dict[str, Any]:
    """A payload in which one (nested) field is absolute; the caller's own is left as it is."""
    name, *below = field
    value = payload.get(name)
    if below:
        changed = _absolute_path(value, below, base) if isinstance(value, dict) else value
    else:
        changed = str(Path(base, at_home(Path(value)))) if isinstance(value, str) and value else value
    return payload if changed is value else {**payload, name: changed}


def _check(policies: Policies, pack: LoadedPack, flow: FlowDef, payload: dict[str, Any]) -> None:
    """Raise the first reason not to start (order: size, schema, steps, autonomy, length of input)."""
    try:
        verdict = start_verdict(policies, pack.guardrails, flow, payload)
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput(
            "the payload is not JSON: only finite numbers and Unicode text can be stored"
        ) from None
    if verdict.reason is Reason.PAYLOAD_TOO_LARGE:
        raise InvalidInput(verdict.message, dict(verdict.details), code=ErrorCode.PAYLOAD_TOO_LARGE)
    errors = payload_errors(flow.input, payload)
    if errors:
        raise InvalidInput(
            f"the payload does not fit {pack.pack_id}/{flow.id}: {told(errors, 'payload')}; "
            f"it takes {_fields(flow.input)}",
            {"errors": [error.model_dump() for error in errors]},
        )
    if verdict.denied:
        raise Refused(
            ErrorCode.POLICY_DENIED,
            verdict.message,
            {"reason": verdict.reason.value, **verdict.details},
        )


def _fields(schema: Mapping[str, Any]) -> str:
    """What a start payload may say, and what it has to."""
    required = schema.get("required", ())
    names = (f"{name} (required)" if name in required else name for name in schema.get("properties", ()))
    return ", ".join(names) or "nothing"


def _new_run(
    run_id: str,
    request: StartRequest,
    pack: LoadedPack,
    flow: FlowDef,
    status: RunStatus,
    head: dict[str, Any],
    now: int,
    error: dict[str, Any] | None = None,
) -> NewRun:
    trace = trace_id_of(request.traceparent)
    queued = status is RunStatus.QUEUED
    fact = RunQueued(**head, trace_id=trace) if queued else RunRefused(**head)
    return NewRun(
        run_id=run_id,
        tenant=request.tenant,
        pack=pack.pack_id,
        pack_version=pack.version,
        pack_digest=pack.content.digest,
        flow=flow.id,
        flow_version=flow.version,
        requested_by=request.actor.name,
        status=status,
        events=[Event(fact, now, request.actor.name, via=request.actor.via)],
        slot_limit=flow.concurrency,
        trace_id=trace,
        autonomy_level=flow.autonomy_level.value,
        error=error,
    )
