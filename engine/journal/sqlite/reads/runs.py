"""Reading of runs: their rows, events and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.contracts.runs.event_head import EventHead
from engine.journal.encoding import readable_events, stored_event
from engine.journal.records import StoredEvent, TreeUsage
from engine.journal.sqlite.queries import listed, query
from engine.journal.sqlite.reads.part import PartOfReading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal.rows import RunRow, RunViewRow


class RunReading(PartOfReading):
    """Runs, what happened to them, and the values that they refer to."""

    async def events_after(self, run_id: str, run_seq: int) -> list[StoredEvent]:
        """See port."""
        return [stored_event(row) for row in await self._read(query("events_after"), (run_id, run_seq))]

    async def snapshot(self, run_id: str) -> tuple[int, bytes] | None:
        """See port."""
        rows = await self._read(query("select_snapshot"), (run_id,))
        return (rows[0]["run_seq"], rows[0]["state"]) if rows else None

    async def page_events(self, run_id: str, after: int, limit: int) -> list[StoredEvent]:
        """See port."""
        rows = await self._read(query("page_events"), (run_id, after, limit))
        return [stored_event(row) for row in rows]

    async def step_events(
        self, run_id: str, paths: Sequence[str] | None, after: int, until: int, limit: int
    ) -> list[StoredEvent]:
        """See port."""
        wanted = None if paths is None else listed(paths)
        rows = await self._read(query("step_events"), (run_id, wanted, after, until, limit))
        return [stored_event(row) for row in rows]

    async def feed_events(self, after_seq: int, limit: int) -> list[StoredEvent]:
        """See port."""
        found: list[StoredEvent] = []
        while len(found) < limit:
            rows = await self._read(query("feed_events"), (after_seq, limit - len(found)))
            if not rows:
                break
            after_seq = rows[-1]["seq"]
            found += readable_events(rows)
        return found

    async def event_heads(self, after_seq: int, limit: int) -> list[EventHead]:
        """See port."""
        return [EventHead(*row) for row in await self._read(query("event_heads"), (after_seq, limit))]

    async def last_seq(self) -> int:
        """See port."""
        return int((await self._read(query("last_seq")))[0][0])

    async def run_row(self, run_id: str) -> RunRow | None:
        """See port."""
        rows = await self._read(query("select_run"), (run_id,))
        return cast("RunRow", dict(rows[0])) if rows else None

    async def tree_usage(self, run_id: str) -> TreeUsage:
        """See port."""
        (row,) = await self._read(query("select_tree_usage"), (run_id,))
        return TreeUsage(row["steps"], row["calls"], row["tokens"])

    async def run_view_row(self, run_id: str) -> RunViewRow | None:
        """See port."""
        rows = await self._read(query("select_run_view"), (run_id,))
        return cast("RunViewRow", dict(rows[0])) if rows else None

    async def successors(self, run_id: str) -> list[tuple[str, int]]:
        """See port."""
        rows = await self._read(query("select_successors"), (run_id,))
        return [(row["run_id"], row["created_at"]) for row in rows]

    async def session_runs(self, session_id: str) -> list[str]:
        """See port."""
        rows = await self._read(query("select_session"), (session_id,))
        return [row["run_id"] for row in rows]

    async def counters(self) -> dict[str, int]:
        """See port."""
        return {row["name"]: row["n"] for row in await self._read(query("select_counters"))}

    async def blob(self, digest: str) -> bytes | None:
        """See port."""
        rows = await self._read(query("select_blob"), (digest,))
        return bytes(rows[0]["data"]) if rows else None

    async def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        """See port."""
        rows = await self._read(query("select_blobs"), (listed(digests),))
        return {row["digest"]: bytes(row["data"]) for row in rows}

    async def content(self, digest: str) -> str | None:
        """See port."""
        rows = await self._read(query("select_content"), (digest,))
        return str(rows[0]["content"]) if rows else None
