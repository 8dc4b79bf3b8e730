"""Which runs and events the fake engine finds: by the rules that every journal keeps to."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar, cast

from engine.contracts.runs.listed import Page, RunFilter, RunSort, RunSummary, RunView
from engine.contracts.status import RunStatus
from engine.journal.encoding import encode
from engine.journal.rules.rows.run_words import run_words
from engine.journal.rules.run_filter import fold, is_before, matching, micros, place_of
from engine.runtime.views.paging import page_offset, page_size, run_cursor, run_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence, Set

    from engine.contracts.runs.run import EventFilter, EventView
    from engine.journal.rows import RunRow

T = TypeVar("T")
_SUMMARY = {one.name for one in fields(RunSummary)}


def found_runs(runs: Iterable[RunView], filters: RunFilter, sort: RunSort) -> list[RunView]:
    """Runs that fit, in the order of the list."""
    rows = [(run_row(run), run) for run in runs]
    fits, wordy = matching(filters), filters.words is not None
    found = ((row, run) for row, run in rows if fits(row, _words(run) if wordy else ""))
    fitting = [(place_of(row, sort), run) for row, run in found]
    fitting.sort(key=lambda pair: (pair[0].created_at, pair[0].run_id), reverse=sort is not RunSort.OLDEST)
    fitting.sort(key=lambda pair: pair[0].group)
    return [run for _, run in fitting]


def _words(run: RunView) -> str:
    error = None if run.error is None else {"code": run.error.code, "message": run.error.message}
    return run_words(run.subject, run.input, error, run.output)


def page_of_runs(
    found: Sequence[RunView],
    sort: RunSort,
    limit: int,
    after: str | None,
    offset: int,
    *,
    started: Mapping[str | None, int],
) -> Page[RunSummary]:
    """A page of the runs found; `started` counts the runs that each of them started. Raises InvalidInput."""
    size, skipped, place = page_size(limit), page_offset(offset), run_place(after, sort)
    later = [run for run in found if place is None or is_before(place, place_of(run_row(run), sort), sort)]
    page = later[skipped : skipped + size]
    more = len(later) > skipped + size
    return Page[RunSummary](
        items=tuple(replace(summary_of(run), children=started.get(run.run_id, 0)) for run in page),
        next=run_cursor(place_of(run_row(page[-1]), sort), sort) if more else None,
    )


def summary_of(run: RunView) -> RunSummary:
    """Its row in a list."""
    return RunSummary(**{name: getattr(run, name) for name in _SUMMARY})


def without_damaged(page: Page[T], damaged: Set[str], id_of: Callable[[T], str]) -> Page[T]:
    """The page as it is when some of what stands on it cannot be read."""
    left = tuple(id_of(item) for item in page.items if id_of(item) in damaged)
    items = tuple(item for item in page.items if id_of(item) not in damaged)
    return replace(page, items=items, unreadable=left)


def event_fits(event: EventView, wanted: EventFilter) -> bool:
    """Whether a search for events finds this one."""
    texts = [event.kind, event.step_id or "", event.actor, encode(event.payload)]
    asked = (wanted.kind, wanted.step_id, wanted.actor)
    if not all(fold(part or "") in fold(text) for part, text in zip(asked, texts, strict=False)):
        return False
    return any(fold(wanted.text or "") in fold(text) for text in texts)


def run_row(run: RunView) -> RunRow:
    """As much of a run's row as lists and the rules of verbs look at."""
    names = ("run_id", "pack", "flow", "tenant", "requested_by")
    row = {
        **{name: getattr(run, name) for name in names},
        "status": run.status.value,
        "parent_run_id": run.parent_run_id,
        "error_code": run.error.code if run.error is not None else None,
        "created_at": micros(run.created_at),
        "finished_at": micros(run.finished_at),
        "started_at": micros(run.started_at),
        "pause": run.pause_requested or run.status is RunStatus.PAUSED,
        "cancel": run.cancel_requested,
    }
    return cast("RunRow", row)
