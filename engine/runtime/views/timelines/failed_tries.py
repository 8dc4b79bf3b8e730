"""Tries of steps that failed: read of the events between their beginning and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import STEP_TERMINAL
from engine.runtime.views.timelines.bar_cache import EVENTS_AT_ONCE
from engine.runtime.views.timelines.timeline_spans import Bars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.runs.timeline import FailedTry
    from engine.journal.port import Journal
    from engine.journal.rows import StepViewRow

MAX_EVENTS = 100_000
"""Events looked at: of later ones no try is told."""


async def failed_tries(
    journal: Journal, run_id: str, rows: Sequence[StepViewRow], last: int
) -> Mapping[str, tuple[FailedTry, ...]]:
    """Those before the present one of each of these executions, by path, as of the run's event `last`."""
    retried = {row["path"]: row for row in rows if row["attempt"] > 1}
    if not retried:
        return {}
    bars = Bars(only=retried.keys())
    after = min(row["first_seq"] for row in retried.values()) - 1
    until = min(max(_end(row, last) for row in retried.values()), after + MAX_EVENTS)
    while after < until:
        page = await journal.page_events(run_id, after, min(EVENTS_AT_ONCE, until - after))
        if not page:
            break
        bars.take(page)
        after = page[-1].run_seq
    return {
        path: tuple(one for one in bar.failed if one.attempt < retried[path]["attempt"])
        for path, bar in bars.by_path.items()
    }


def _end(row: StepViewRow, last: int) -> int:
    """The event after which it makes no more tries."""
    if row["status"] not in STEP_TERMINAL:
        return last
    return min(last, max(row["output_seq"] or 0, row["error_seq"] or 0))
