"""Reading of requests: what runs ask people, and what these said."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from engine.contracts.status import RequestKind, RequestStatus
from engine.journal.rules.rows.time_limits import limit_around, started_by
from engine.journal.sqlite.file.connection import is_whole
from engine.journal.sqlite.file.failures import no_text
from engine.journal.sqlite.queries import listed, query
from engine.journal.sqlite.reads.gathered import GatheredRows
from engine.journal.sqlite.reads.part import PartOfReading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.runs.listed import RequestFilter
    from engine.journal.rows import CommentRow, NewRunRow, RequestViewRow, TimeLimit


class RequestReading(PartOfReading):
    """Requests of all runs, or of one."""

    @cached_property
    def _gathered(self) -> GatheredRows[RequestViewRow]:
        return GatheredRows(self._requests)

    async def request_row(self, request_id: str) -> RequestViewRow | None:
        """See port."""
        try:
            request_id.encode()
        except UnicodeEncodeError as error:  # refused by itself: others are read with it
            raise no_text(error) from error
        return await self._gathered.row(request_id)

    async def _requests(self, request_ids: Sequence[str]) -> Mapping[str, RequestViewRow]:
        rows = await self._read(query("select_requests"), (listed(request_ids),))
        return {row["request_id"]: cast("RequestViewRow", dict(row)) for row in rows}

    async def request_rows(
        self,
        kind: RequestKind,
        wanted: RequestFilter,
        limit: int,
        after: str | None = None,
    ) -> Sequence[RequestViewRow]:
        """See port."""
        start = after or ""
        status, run_id, tenant = wanted.status, wanted.run_id, wanted.tenant
        if run_id is not None:
            of_status = None if status is None else status.value
            of_run = (run_id, start, kind.value, of_status, tenant, limit)
            rows = await self._read(query("run_requests"), of_run)
        elif tenant is not None:
            statuses = tuple(RequestStatus) if status is None else (status,)
            rows = []
            for each in statuses:
                arguments = (tenant, kind.value, each.value, start, limit)
                rows += await self._read(query("page_tenant_requests"), arguments)
            rows.sort(key=lambda row: str(row["request_id"]))
        elif status is None:
            rows = await self._read(query("page_all_requests"), (kind.value, start, limit))
        else:
            rows = await self._read(query("page_requests"), (kind.value, status.value, start, limit))
        return cast("list[RequestViewRow]", [dict(row) for row in rows[:limit]])

    async def requests_below(
        self, run_id: str, paths: Sequence[str], status: RequestStatus | None
    ) -> Sequence[RequestViewRow]:
        """See port."""
        arguments = (run_id, listed(paths), None if status is None else status.value)
        rows = await self._read(query("run_requests_below"), arguments)
        return cast("list[RequestViewRow]", [dict(row) for row in rows])

    async def limits_around(self, requests: Sequence[RequestViewRow]) -> Mapping[str, TimeLimit]:
        """See port."""
        pending = RequestStatus.PENDING.value
        waiting = [row for row in requests if row["status"] == pending and is_whole(row.values())]
        if not waiting:
            return {}
        parents: dict[str, tuple[str, str] | None] = {}
        timers: dict[tuple[str, str], int] = {}
        run_ids = {row["run_id"] for row in waiting}
        for row in await self._read(query("time_limits_above"), (listed(sorted(run_ids)),)):
            parents[row["run_id"]] = started_by(cast("NewRunRow", row))
            if row["timer"] is not None:
                timers[row["run_id"], row["timer"]] = row["due"]
        found = {
            row["request_id"]: limit_around(
                row["run_id"], row["step_id"], parents.get, lambda run_id, timer: timers.get((run_id, timer))
            )
            for row in waiting
        }
        return {request_id: limit for request_id, limit in found.items() if limit is not None}

    async def earlier_rows(self, request_id: str, limit: int) -> Sequence[RequestViewRow]:
        """See port."""
        rows = await self._read(query("decided_requests"), (request_id, limit))
        return cast("list[RequestViewRow]", [dict(row) for row in rows])

    async def comments(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[CommentRow]]:
        """See port."""
        arguments = (listed(run_ids), RequestKind.FORM.value)
        found: dict[str, list[CommentRow]] = {}
        for row in await self._read(query("select_comments"), arguments):
            if is_whole(row):  # what is damaged is told where it is looked at
                found.setdefault(row["run_id"], []).append(cast("CommentRow", dict(row)))
        return found

    async def claims_version(self) -> int:
        """See port."""
        rows = await self._read(query("select_claims_version"))
        return int(rows[0]["n"]) if rows else 0
