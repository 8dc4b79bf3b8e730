"""Rows and stored events as readers see them: references resolved, personal data masked.

Views are built unchecked: they come from our own journal, which holds nothing unchecked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import CALLS, MODEL
from engine.contracts.runs.listed import RunView
from engine.contracts.runs.preview import Preview
from engine.contracts.runs.request import ApprovalView, FormView, GatedAction, OutcomeView
from engine.contracts.runs.run import StepView
from engine.contracts.status import OutcomeDecision, RequestStatus, Risk, StepStatus
from engine.contracts.times import from_micros
from engine.contracts.tool import ToolMeta
from engine.journal.encoding import decode
from engine.journal.errors import reading
from engine.journal.rules.request_rules import is_past
from engine.journal.rules.rows.run_rows import new_run, whole_row
from engine.journal.rules.rows.time_limits import limit_words
from engine.runtime.views.summaries import error_view, summary_fields, time_or_none
from engine.values import with_images_shown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from engine.contracts.actor import Actor
    from engine.journal.port import Journal
    from engine.journal.records import NewRun
    from engine.journal.rows import RequestViewRow, RunRow, RunViewRow, StepViewRow
    from engine.runtime.clock import Clock
    from engine.runtime.files.run_folders import RunFolders
    from engine.runtime.value_store import ValueStore
    from engine.runtime.views.disclosures import Disclosures

ENGINE_SCHEMA = 1
_OF_MODELS = frozenset({MODEL, CALLS})


async def with_limits(journal: Journal, rows: Sequence[RequestViewRow]) -> list[RequestViewRow]:
    """Requests that are to be shown, with what is around each and over first."""
    limits = await journal.limits_around(rows)
    return [{**row, "around": limits.get(row["request_id"])} for row in rows]


class RowViews:
    """Makes views of rows whose values have to be loaded and masked first.

    Each raises Unavailable (`journal_corrupt`), naming the run, for what cannot be read.
    """

    def __init__(
        self,
        values: ValueStore,
        folders: RunFolders,
        clock: Clock,
        shown: Disclosures,
        note_on: Callable[[RequestViewRow, str], Awaitable[str | None]],
    ) -> None:
        self._shown = shown
        self._note_on = note_on
        self._values = values
        self._folders = folders
        self._clock = clock

    async def run(self, row: RunViewRow) -> RunView:
        """A run with its masked input and output, from a row with the events that hold them."""
        with reading("the row", row["run_id"], row):
            first = decode(row["first_event"]) if row["first_event"] else {}
            last = decode(row["output_event"]) if row["output_event"] else {}
            return await self._run(row, first, last)

    async def created(self, run: NewRun) -> RunView:
        """A run that was just queued, which nobody has to read for that."""
        return await self._run(whole_row(new_run(run)), run.events[0].payload, {})

    async def step(self, row: StepViewRow, *, full: bool) -> StepView:
        """One execution; `full` resolves its input and output, else previews stand for large values."""
        with reading(f"step {row['path']}", row["run_id"], row):
            return await self._step(row, full=full)

    async def approval(self, row: RequestViewRow, viewer: Actor | None = None) -> ApprovalView:
        """An approval with what it shows: masked, or while it is open in clear to a recorded viewer."""
        with reading(f"approval {row['request_id']}", row["run_id"], row):
            return await self._approval(row, viewer)

    async def require_card(self, row: RequestViewRow) -> None:
        """Raise as `approval` does when what the approval shows cannot be read."""
        with reading(f"approval {row['request_id']}", row["run_id"], row):
            await self._values.load(decode(row["opened_event"])["body"])

    async def outcome(self, row: RequestViewRow, step: StepViewRow | None) -> OutcomeView:
        """An interrupted call: what is known of it, its parameters masked."""
        with reading(f"outcome {row['request_id']}", row["run_id"], row):
            return await self._outcome(row, step)

    def _status(self, row: RequestViewRow) -> RequestStatus:
        """Past its time, or that of what is around it, a request is expired, whether or not its run has been
        told: nobody can decide it."""
        now, limit = self._clock.now(), row.get("around")
        past = is_past(row, now) or (limit is not None and limit.due <= now)
        return RequestStatus.EXPIRED if past else RequestStatus(row["status"])

    async def form(self, row: RequestViewRow) -> FormView:
        """A form with its full schema."""
        with reading(f"form {row['request_id']}", row["run_id"], row):
            return await self._form(row)

    async def _run(self, row: RunRow, first: Mapping[str, Any], last: Mapping[str, Any]) -> RunView:
        """`first` and `last` are the payloads of the events that hold its input and its output."""
        return RunView(
            **summary_fields(row),
            pack_digest=row["pack_digest"],
            flow_version=row["flow_version"],
            engine_schema=ENGINE_SCHEMA,
            run_seq=row["run_seq"],
            input=await self._values.redacted(first.get("input")),
            output=await self._values.redacted(last.get("output")),
            handed_off_from=row["handed_off_from"],
            handoff=await self._values.redacted(first.get("handoff")),
            folder=str(self._folders.path(row["pack"], row["run_id"])),
            cancel_requested=row["cancel"],
            pause_requested=bool(row["pause"]),
            held_by=row["lease_worker"],
            trace_id=row["trace_id"] or None,
            session_id=row["session_id"],
        )

    async def _step(self, row: StepViewRow, *, full: bool) -> StepView:
        given = decode(row["input_event"]) if row["input_event"] else {}
        brought = decode(row["output_event"]) if row["output_event"] else {}
        failed = decode(row["error_event"]) if row["error_event"] else {}
        given_value = given.get("input", given.get("body"))
        output = brought.get("output")
        return StepView.model_construct(
            step_id=row["path"],
            type=row["type"],
            name=row["name"],
            status=StepStatus(row["status"]),
            attempt=row["attempt"],
            recoveries=row["recoveries"],
            started_at=time_or_none(row["started_at"]),
            finished_at=time_or_none(row["finished_at"]),
            retry_at=time_or_none(row["retry_at"]),
            input=await self._values.redacted(given_value)
            if full
            else with_images_shown(given_value, stored=True),
            output=await self._brought(row["type"], output, full=full),
            error=error_view(failed["error"]) if failed.get("error") else None,
            meta=_call_meta(brought.get("meta") or failed.get("meta")),
            child_run_id=row["child_run_id"],
            request_id=row["request_id"],
        )

    async def _brought(self, kind: str, stored: Any, *, full: bool) -> Any:
        """What a step brought. What a model thought is for its server alone, and may be long."""
        if stored is None:
            return None
        value = await self._values.load(stored) if full else stored
        if kind in _OF_MODELS:
            value = _without_thoughts(value)
        return self._values.redact(value) if full else with_images_shown(value, stored=True)

    def _summary(self, row: RequestViewRow) -> dict[str, Any]:
        """What is said of every request."""
        return {
            "run_id": row["run_id"],
            "step_id": row["step_id"],
            "pack": row["pack"],
            "pack_version": row["pack_version"],
            "flow": row["flow"],
            "tenant": row["tenant"],
            "subject": row["subject"],
            "status": self._status(row),
            "requested_by": row["requested_by"],
            "requested_at": from_micros(row["requested_at"]),
            **_end(row),
        }

    async def _approval(self, row: RequestViewRow, viewer: Actor | None) -> ApprovalView:
        opened = decode(row["opened_event"])
        body = with_images_shown(await self._values.load(opened["body"]))
        masked = self._values.redact(body)
        is_open = self._status(row) is RequestStatus.PENDING
        if masked != body and not (
            is_open and viewer and await self._shown.record(row["request_id"], viewer)
        ):
            body = masked
        preview = body.get("preview")
        decided = row["decision"] is not None
        claimed = row["claimed_until"] is not None and row["claimed_until"] > self._clock.now()
        return ApprovalView.model_construct(
            approval_id=row["request_id"],
            **self._summary(row),
            risk=Risk(row["risk"] or ""),
            title=body["title"],
            message=body["message"],
            action=_gated_action(body["action"]) if body.get("action") else None,
            preview=Preview.model_construct(**preview) if preview else None,
            origin=opened.get("origin") or "flow",
            intent=body.get("intent") or "",
            form=body.get("form") or {},
            context=body.get("context") or {},
            autonomy_level=body.get("autonomy_level"),
            changeable=body.get("changeable", False),
            digest=row["digest"] or "",
            decision=row["decision"],
            decided_by=row["decided_by"],
            decided_at=time_or_none(row["decided_at"]) if decided else None,
            comment=row["comment"],
            changes=await self._changes(row.get("decided_event")),
            claimed_by=row["claimed_by"] if claimed else None,
            claimed_until=time_or_none(row["claimed_until"]) if claimed else None,
            pack_digest=row["pack_digest"],
            recoveries=row.get("recoveries", 0),
        )

    async def _changes(self, decided: str | None) -> str | None:
        edits = decode(decided).get("edits") if decided else None
        if edits is None:
            return None
        diff: str = (await self._values.redacted(edits))["diff"]
        return diff

    async def _outcome(self, row: RequestViewRow, step: StepViewRow | None) -> OutcomeView:
        opened = decode(row["opened_event"])
        started = decode(step["input_event"]) if step is not None and step["input_event"] else {}
        return OutcomeView.model_construct(
            request_id=row["request_id"],
            **self._summary(row),
            action=GatedAction.model_construct(
                step=row["step"],
                kind=step["type"] if step is not None else "",
                target=opened.get("target"),
                params=await self._values.redacted(started.get("input")),
            ),
            gated=opened.get("gated", False),
            lost=opened.get("lost", False),
            attempt=opened.get("attempt", 1),
            recoveries=opened.get("recoveries", 0),
            idempotency_key=f"{row['run_id']}/{row['step_id']}",
            started_at=time_or_none(step["started_at"]) if step is not None else None,
            decision=OutcomeDecision(row["decision"]) if row["decision"] else None,
            decided_by=row["decided_by"],
            decided_at=time_or_none(row["decided_at"]) if row["decided_by"] else None,
            comment=row["comment"],
        )

    async def _form(self, row: RequestViewRow) -> FormView:
        opened = decode(row["opened_event"])
        body = await self._values.redacted(opened["body"])
        return FormView(
            request_id=row["request_id"],
            form_id=opened["form_id"],
            **self._summary(row),
            title=body["title"],
            prompt=body["prompt"],
            description=body.get("description"),
            note=await self._note_on(row, opened["form_id"]),
            json_schema=body["schema"],
            defaults=body.get("defaults") or {},
            autonomy_level=body.get("autonomy_level"),
            mode=opened.get("mode"),
            answered_by=row["decided_by"],
            answered_at=time_or_none(row["decided_at"]) if row["decided_by"] else None,
        )


def _end(row: RequestViewRow) -> dict[str, Any]:
    """From when on a decision is refused, and whose limit that is when it is not the request's own."""
    own, limit = row["expires_at"], row.get("around")
    if limit is None or (own is not None and own <= limit.due):
        return {"expires_at": time_or_none(own), "expires_with": None}
    return {"expires_at": from_micros(limit.due), "expires_with": limit_words(limit, row["run_id"])}


def _gated_action(body: Mapping[str, Any]) -> GatedAction:
    """From what the approval's digest covers."""
    return GatedAction.model_construct(
        step=body["step_id"], kind=body["kind"], target=body["target"], params=body["params"]
    )


def _call_meta(meta: dict[str, Any] | None) -> ToolMeta | None:
    return ToolMeta.model_construct(**meta) if meta else None


def _without_thoughts(brought: Any) -> Any:
    """An answer of a model, or a turn with one, as people are shown it."""
    if not isinstance(brought, dict):
        return brought
    shown = {name: value for name, value in brought.items() if name != "carried"}
    return {**shown, "reply": _without_thoughts(shown["reply"])} if "reply" in shown else shown
