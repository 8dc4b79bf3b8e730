"""The part of the port that reads runs: their events, rows, requests and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.runs.event_head import EventHead
    from engine.contracts.runs.listed import RequestFilter
    from engine.contracts.status import RequestKind, RequestStatus
    from engine.journal.records import StoredEvent, TreeUsage
    from engine.journal.rows import (
        CommentRow,
        RequestViewRow,
        RunRow,
        RunViewRow,
        StepHeadRow,
        StepViewRow,
        TimeLimit,
    )


class RunReads(Protocol):
    """What is known of runs."""

    async def run_row(self, run_id: str) -> RunRow | None:
        """A run's row."""
        ...

    async def run_view_row(self, run_id: str) -> RunViewRow | None:
        """A run's row with the payloads of its first event and of the event with its output."""
        ...

    async def tree_usage(self, run_id: str) -> TreeUsage:
        """What the run has used together with those it was started by and those it started."""
        ...

    async def successors(self, run_id: str) -> list[tuple[str, int]]:
        """Runs that took over from this one, oldest first: (run id, when it was created)."""
        ...

    async def session_runs(self, session_id: str) -> list[str]:
        """Ids of the runs of a session, oldest first, of every tenant."""
        ...

    async def snapshot(self, run_id: str) -> tuple[int, bytes] | None:
        """The newest snapshot of a run's state, with the `run_seq` that it stands at."""
        ...

    async def events_after(self, run_id: str, run_seq: int) -> list[StoredEvent]:
        """A run's events after `run_seq`."""
        ...

    async def page_events(self, run_id: str, after: int, limit: int) -> list[StoredEvent]:
        """At most `limit` of a run's events after `after`."""
        ...

    async def step_events(
        self, run_id: str, paths: Sequence[str] | None, after: int, until: int, limit: int
    ) -> list[StoredEvent]:
        """At most `limit` of a run's events after `after`, up to `until`: those of the run itself and of some
        executions; None is of all."""
        ...

    async def feed_events(self, after_seq: int, limit: int) -> list[StoredEvent]:
        """Events of all runs after a place in the journal."""
        ...

    async def event_heads(self, after_seq: int, limit: int) -> list[EventHead]:
        """Whom events of all runs after a place in the journal concern; what they hold is not read."""
        ...

    async def last_seq(self) -> int:
        """The journal's newest place."""
        ...

    async def page_steps(
        self, run_id: str, after: int, limit: int, of_type: str | None = None
    ) -> Sequence[StepViewRow]:
        """At most `limit` executions of a run, or of a type, that began after the event `after`, in the order
        they began, with the payloads of their input, output and error events."""
        ...

    async def step_rows_below(self, run_id: str, paths: Sequence[str]) -> Sequence[StepViewRow]:
        """The same of the executions below some paths, in no order."""
        ...

    async def step_rows_at(self, run_id: str, paths: Sequence[str]) -> Sequence[StepViewRow]:
        """The same of the executions of some paths, in no order."""
        ...

    async def count_scopes(self, run_id: str, path: str, step: str) -> int:
        """How many scopes below a path, numbered from 0 without a gap, have such a step."""
        ...

    async def step_outputs(self, run_id: str, paths: Sequence[str]) -> dict[str, str]:
        """Payloads of the events with the outputs of some executions of a run, by path."""
        ...

    async def step_heads(self, run_id: str, limit: int) -> tuple[Sequence[StepHeadRow], int]:
        """The first executions of a run without their payloads, and how many there are."""
        ...

    async def outermost_steps(self, run_id: str, limit: int) -> list[str]:
        """Paths of at most `limit` executions of a run, the outermost first, then in the order they began."""
        ...

    async def step_heads_at(self, run_id: str, paths: Sequence[str]) -> Sequence[StepHeadRow]:
        """Those of these executions that there are, without their payloads."""
        ...

    async def request_row(self, request_id: str) -> RequestViewRow | None:
        """A request with its run's fields and the payload of the event that opened it."""
        ...

    async def request_rows(
        self,
        kind: RequestKind,
        wanted: RequestFilter,
        limit: int,
        after: str | None = None,
    ) -> Sequence[RequestViewRow]:
        """Requests, oldest first, after the id `after`."""
        ...

    async def requests_below(
        self, run_id: str, paths: Sequence[str], status: RequestStatus | None
    ) -> Sequence[RequestViewRow]:
        """Requests of steps below some paths, none of which lies below another, oldest first."""
        ...

    async def limits_around(self, requests: Sequence[RequestViewRow]) -> Mapping[str, TimeLimit]:
        """By request, of those that wait: what is around it and over first; not where nothing is."""
        ...

    async def earlier_rows(self, request_id: str, limit: int) -> Sequence[RequestViewRow]:
        """Requests decided before it on the same step of the same flow and tenant, newest first."""
        ...

    async def comments(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[CommentRow]]:
        """What people said with decisions on approvals and interrupted calls, oldest first, by run."""
        ...

    async def claims_version(self) -> int:
        """A number that grows with every change to claims."""
        ...

    async def counters(self) -> dict[str, int]:
        """Counters by name: `approval:PENDING/tenant`, `slot:pack/flow`, `claims`."""
        ...

    async def blob(self, digest: str) -> bytes | None:
        """A stored value."""
        ...

    async def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Stored values by digest, those that are there."""
        ...

    async def content(self, digest: str) -> str | None:
        """A pinned pack content."""
        ...
