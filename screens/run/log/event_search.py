"""From one event to the next that a filter finds, or the one before; around the ends, a part at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.run.log.event_rows import LOOKED_AT_ONCE

if TYPE_CHECKING:
    from engine.contracts.runs.run import EventFilter
    from engine.facade.runs import Runs


async def next_match(runs: Runs, run_id: str, wanted: EventFilter, at: int, newest: int) -> int | None:
    """The number of the first match after `at`, else of the first one at all."""
    found = await _first(runs, run_id, wanted, at, newest)
    return await _first(runs, run_id, wanted, 0, at) if found is None else found


async def previous_match(runs: Runs, run_id: str, wanted: EventFilter, at: int, newest: int) -> int | None:
    """The number of the last match before `at`, else of the last one at all."""
    found = await _last(runs, run_id, wanted, 0, at - 1)
    return await _last(runs, run_id, wanted, at - 1, newest) if found is None else found


async def _first(runs: Runs, run_id: str, wanted: EventFilter, after: int, last: int) -> int | None:
    while after < last:
        limit = min(LOOKED_AT_ONCE, last - after)
        matches = await runs.find_events(run_id, wanted, after_run_seq=after, limit=limit)
        if matches.run_seqs:
            return matches.run_seqs[0]
        after += limit
    return None


async def _last(runs: Runs, run_id: str, wanted: EventFilter, after: int, last: int) -> int | None:
    while after < last:
        start = max(after, last - LOOKED_AT_ONCE)
        matches = await runs.find_events(run_id, wanted, after_run_seq=start, limit=last - start)
        if matches.run_seqs:
            return matches.run_seqs[-1]
        last = start
    return None
