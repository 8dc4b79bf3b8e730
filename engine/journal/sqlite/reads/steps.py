"""Reading of executions: what the steps of a run did."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.journal.sqlite.queries import listed, query
from engine.journal.sqlite.reads.part import PartOfReading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal.rows import StepHeadRow, StepViewRow


class StepReading(PartOfReading):
    """Executions of one run, with their payloads or without."""

    async def page_steps(
        self, run_id: str, after: int, limit: int, of_type: str | None = None
    ) -> Sequence[StepViewRow]:
        """See port."""
        if of_type is None:
            rows = await self._read(query("page_steps"), (run_id, after, limit))
        else:
            rows = await self._read(query("page_steps_of_type"), (run_id, after, limit, of_type))
        return cast("list[StepViewRow]", [dict(row) for row in rows])

    async def step_rows_below(self, run_id: str, paths: Sequence[str]) -> Sequence[StepViewRow]:
        """See port."""
        rows = await self._read(query("select_steps_below"), (run_id, listed(paths)))
        return cast("list[StepViewRow]", [dict(row) for row in rows])

    async def step_rows_at(self, run_id: str, paths: Sequence[str]) -> Sequence[StepViewRow]:
        """See port."""
        rows = await self._read(query("select_steps_at"), (run_id, listed(paths)))
        return cast("list[StepViewRow]", [dict(row) for row in rows])

    async def count_scopes(self, run_id: str, path: str, step: str) -> int:
        """See port."""
        return int((await self._read(query("count_scopes"), (run_id, path, step)))[0][0])

    async def step_outputs(self, run_id: str, paths: Sequence[str]) -> dict[str, str]:
        """See port."""
        rows = await self._read(query("select_step_outputs"), (run_id, listed(paths)))
        return {row["path"]: row["payload"] for row in rows}

    async def step_heads(self, run_id: str, limit: int) -> tuple[Sequence[StepHeadRow], int]:
        """See port."""
        rows = await self._read(query("select_step_heads"), (run_id, limit))
        total = len(rows) if len(rows) < limit else (await self._read(query("count_steps"), (run_id,)))[0][0]
        return cast("list[StepHeadRow]", [dict(row) for row in rows]), int(total)

    async def outermost_steps(self, run_id: str, limit: int) -> list[str]:
        """See port."""
        return [row["path"] for row in await self._read(query("outermost_steps"), (run_id, limit))]

    async def step_heads_at(self, run_id: str, paths: Sequence[str]) -> Sequence[StepHeadRow]:
        """See port."""
        rows = await self._read(query("select_step_heads_at"), (run_id, listed(paths)))
        return cast("list[StepHeadRow]", [dict(row) for row in rows])
