"""What a run that takes over gets to know: a picture of its source at the moment it was handed off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.listed import RequestFilter
from engine.contracts.runs.run import EventFilter
from engine.contracts.status import RequestKind, RunStatus
from engine.errors import InvalidInput
from engine.governance.redactor import JOINED_DEPTH
from engine.journal.encoding import decode
from engine.machine.events.request_facts import UserInputReceived
from engine.values import BLOB_KEY, LIST_KEY, canonical_json, is_blob, is_list_ref

if TYPE_CHECKING:
    from engine.contracts.layers.workflow import ContextTransfer
    from engine.governance.redactor import StoredValue
    from engine.journal.port import Journal
    from engine.journal.rows import RequestViewRow, RunViewRow, StepViewRow
    from engine.runtime.value_store import ValueStore

MOST_REQUESTS = 100_000
"""Requests of a run that are looked at."""
MAX_DECISIONS = 500
"""The newest; the others are counted."""
MAX_STEPS = 500
"""Executions in a context: the outermost first, then those inside them; the others are counted."""


class HandoffContexts:
    """Makes what a run that takes over gets to know of its source; docs/flows.md names the fields."""

    def __init__(self, journal: Journal, values: ValueStore) -> None:
        self._journal = journal
        self._values = values

    async def of(
        self, row: RunViewRow, transfer: ContextTransfer, *, by: str, note: str | None, limit: int
    ) -> StoredValue:
        """The context of the run of `row`, read with its events.

        Values that would make it larger than `limit` bytes stand in it as their masked previews.
        """
        try:
            context = await self._context(row, transfer, limit, by, note)
            return self._values.store(context, levels=JOINED_DEPTH)
        except InvalidInput:  # nested so deeply that nothing could be put around it
            context = await self._context(row, transfer, 0, by, note)
            return self._values.store(context, levels=JOINED_DEPTH)

    async def _context(
        self, row: RunViewRow, transfer: ContextTransfer, limit: int, by: str, note: str | None
    ) -> dict[str, Any]:
        return await _Context(self._journal, self._values, row, transfer, limit).make(by, note)


@dataclass(slots=True)
class _Context:
    """One context while it is made; `left` counts the bytes there is still room for."""

    journal: Journal
    values: ValueStore
    row: RunViewRow
    transfer: ContextTransfer
    left: int
    shortened: list[str] = field(default_factory=list)

    async def make(self, by: str, note: str | None) -> dict[str, Any]:
        row = self.row
        context: dict[str, Any] = {
            "run_id": row["run_id"],
            "pack": row["pack"],
            "version": row["pack_version"],
            "flow": row["flow"],
            "status": RunStatus(row["status"]).value,
            "context_transfer": self.transfer,
            "by": by,
            "note": note,
        }
        if self.transfer != "minimal":
            context |= await self._summary()
        return context

    async def _summary(self) -> dict[str, Any]:
        first = decode(self.row["first_event"]) if self.row["first_event"] else {}
        last = decode(self.row["output_event"]) if self.row["output_event"] else {}
        summary = {
            "input": await self._value("input", first.get("input")),
            "output": await self._value("output", last.get("output")),
            "error": await self._value("error", decode(self.row["error"]) if self.row["error"] else None),
        }
        summary |= await self._decisions()
        return summary | await self._steps() | {"shortened": self.shortened}

    async def _decisions(self) -> dict[str, Any]:
        """What people were asked and said, oldest first."""
        of_run = RequestFilter(run_id=self.row["run_id"])
        rows = [
            row
            for kind in RequestKind
            for row in await self.journal.request_rows(kind, of_run, MOST_REQUESTS)
            if row["decision"] is not None
        ]
        rows.sort(key=lambda row: (row["decided_at"], row["request_id"]))
        newest = rows[-MAX_DECISIONS:]
        answers = await self._answers(
            {row["request_id"] for row in newest if row["kind"] == RequestKind.FORM}
        )
        return {
            "decisions": [await self._decision(row, answers.get(row["request_id"])) for row in newest],
            "decisions_left_out": len(rows) - len(newest),
        }

    async def _answers(self, wanted: set[str]) -> dict[str, Any]:
        """Outputs of answered forms by request, also of those the run has not taken in yet."""
        if not wanted:
            return {}
        journal, run_id = self.journal, self.row["run_id"]
        received = EventFilter(kind=UserInputReceived.kind)
        found: dict[str, Any] = {}
        for run_seq in await journal.lists.find_events(run_id, received, 0, await self._last()):
            (stored,) = await journal.page_events(run_id, run_seq - 1, 1)
            found[stored.event.payload["request_id"]] = stored.event.payload["output"]
        return {request_id: found[request_id] for request_id in wanted & found.keys()}

    async def _last(self) -> int:
        row = await self.journal.run_row(self.row["run_id"])
        return int((row or self.row)["run_seq"])

    async def _decision(self, row: RequestViewRow, answered: Any) -> dict[str, Any]:
        place = f"decisions/{row['step_id']}"
        body = await self.values.load(decode(row["opened_event"])["body"])
        decision = {
            "step_id": row["step_id"],
            "title": await self._value(f"{place}/title", body["title"]),
            "message": await self._value(f"{place}/message", body.get("message") or body.get("prompt")),
            "decision": row["decision"],
            "by": row["decided_by"],
            "comment": await self._value(f"{place}/comment", row["comment"]),
            "answer": None,
        }
        if answered is not None:
            output = await self.values.load(answered)
            decision["answer"] = await self._value(f"{place}/answer", output["values"])
        return decision

    async def _steps(self) -> dict[str, Any]:
        """Executions by path; where not all values fit, those of the newest stand whole."""
        run_id = self.row["run_id"]
        chosen = await self.journal.outermost_steps(run_id, MAX_STEPS)
        _, count = await self.journal.step_heads(run_id, 1)
        rows = {row["path"]: row for row in await self.journal.step_rows_at(run_id, chosen)}
        steps = {path: {"status": rows[path]["status"]} for path in chosen}
        if self.transfer == "full":
            for row in sorted(rows.values(), key=lambda row: int(row["first_seq"]), reverse=True):
                steps[row["path"]] |= await self._values(row)
        return {"steps": steps, "steps_left_out": count - len(chosen)}

    async def _values(self, row: StepViewRow) -> dict[str, Any]:
        place = f"steps/{row['path']}"
        given = decode(row["input_event"]) if row["input_event"] else {}
        brought = decode(row["output_event"]) if row["output_event"] else {}
        failed = decode(row["error_event"]) if row["error_event"] else {}
        return {
            "output": await self._value(f"{place}/output", brought.get("output")),
            "input": await self._value(f"{place}/input", given.get("input", given.get("body"))),
            "error": await self._value(f"{place}/error", failed.get("error")),
        }

    async def _value(self, place: str, value: Any) -> Any:
        """The value in full while there is room for it."""
        size = _size(value)
        if size > self.left and value is not None:
            self.shortened.append(place)
            return self._shortened(value)
        self.left -= size
        return await self.values.load(value)

    def _shortened(self, value: Any) -> Any:
        if is_blob(value):
            return value["preview"]
        if is_list_ref(value):
            return f"[… {len(value[LIST_KEY])} items]"
        if type(value) is dict:
            value = {
                key: self._shortened(item) if is_blob(item) or is_list_ref(item) else item
                for key, item in value.items()
            }
        return self.values.preview(value)


def _size(value: Any) -> int:
    """Bytes of the value's JSON with every reference followed."""
    if is_blob(value):
        return int(value["size"])
    raw = canonical_json(value)
    if isinstance(value, dict | list) and f'"{BLOB_KEY}"'.encode() in raw:
        return sum(map(_size, value.values() if isinstance(value, dict) else value))
    return len(raw)
