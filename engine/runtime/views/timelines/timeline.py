"""The timeline of a run: its executions as a tree, child runs below the step that started them, by pages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.runs.timeline import SpanKind, Timeline, TimelineRow, TimelineSpan
from engine.contracts.status import StepStatus
from engine.contracts.times import from_micros
from engine.journal.errors import require_text
from engine.machine.model.state import outer_path_of, scope_path_of
from engine.runtime.views.items import item_at
from engine.runtime.views.timelines.bar_cache import EVENTS_AT_ONCE, BarCache
from engine.runtime.views.timelines.surrounding import paths_around, read_composites
from engine.runtime.views.timelines.timeline_graphs import Graphs
from engine.runtime.views.timelines.timeline_spans import Bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.journal.port import Journal
    from engine.journal.rows import RunRow, StepHeadRow
    from engine.runtime.views.items import ItemWords

HALF = 2_500
"""Events: a page tells of two halves, one of which it has in common with each of its neighbors."""
MAX_BELOW = 2_000
"""Rows of child runs in a page."""
MAX_EVENTS = 100_000
"""Events of child runs that are looked at for a page."""
_WAITS = frozenset({"human_approval", "user_input", "message", "review", "wait"})
"""Types of steps that do nothing but wait."""


@dataclass(frozen=True, slots=True)
class Page:
    """The events after the number `since`, up to `until`, of the `last` that a run has."""

    since: int
    until: int
    last: int
    half: int

    @property
    def older(self) -> int | None:
        """An event in the page before; None when there is none."""
        return self.since + self.half if self.since else None

    @property
    def newer(self) -> int | None:
        """An event in the page after; None when there is none."""
        return min(self.since + 3 * self.half, self.last) if self.until < self.last else None


def page_of(last: int, at: int | None, half: int) -> Page:
    """The page in whose later half an event stands; without one the newest page."""
    wanted = last if at is None else max(1, min(at, last))
    since = max(0, -(-wanted // half) - 2) * half
    return Page(since, min(since + 2 * half, last), last, half)


async def timeline_of(
    journal: Journal,
    row: RunRow,
    items: ItemWords,
    *,
    cache: BarCache | None = None,
    at: int | None = None,
    half: int = HALF,
    max_below: int = MAX_BELOW,
) -> Timeline:
    """The timeline of the run of this row, in the page of the event `at`; `cache` and `items` keep what is
    read for the next time."""
    page = page_of(row["run_seq"], at, half)
    drawing = _Drawing(journal, cache or BarCache(), items, max_below)
    above = await drawing.add_run(row["run_id"], 0, page)
    end = row["finished_at"]
    return Timeline(
        run_id=row["run_id"],
        start=from_micros(row["created_at"]),
        end=None if end is None else from_micros(end),
        rows=tuple(drawing.rows),
        since=page.since,
        until=page.until,
        last=page.last,
        above=above,
        older=page.older,
        newer=page.newer,
        cut=drawing.cut,
    )


class _Drawing:
    """Rows so far; a child run whose rows do not fit any more is counted and left out."""

    def __init__(self, journal: Journal, cache: BarCache, items: ItemWords, max_below: int) -> None:
        self._journal = journal
        self._bars = cache
        self._items = items
        self._rows_left = max_below
        self._events_left = MAX_EVENTS
        self.rows: list[TimelineRow] = []
        self.cut = 0

    async def add_run(self, run_id: str, depth: int, page: Page) -> int:
        """The rows of a page; how many of the first ones only stand around the others."""
        bars, _ = await self._bars.bars(self._journal, run_id, page.since, page.since + 2 * page.half)
        return await self._add(run_id, depth, page, bars)

    async def _add(self, run_id: str, depth: int, page: Page, bars: Mapping[str, Bar]) -> int:
        heads = await self._journal.step_heads_at(run_id, [*{*bars, *paths_around(bars)}])
        lists = await read_composites(self._journal, run_id, heads, bars)
        graphs = Graphs(lists.graphs)
        begun = await self._journal.step_heads_at(run_id, graphs.paths_beside(heads))
        drawn = [*heads, *graphs.not_begun([*heads, *begun])]
        above, leads = 0, True
        for number, head in enumerate(_as_tree(drawn, graphs), 1):
            path = head["path"]
            leads = leads and path not in bars
            above += leads
            bar = bars.get(path) or Bar()
            own_depth = depth + path.count("/") // 2 + graphs.depth(path)
            loop = lists.loops.get(outer_path_of(path))
            item = item_at(await self._items.of(run_id, *loop), path) if loop is not None else None
            spans = _spans(head, bar, page.since)
            self.rows.append(_row(run_id, head, spans, own_depth, graphs.needs(path), item))
            if number % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
            for child in tuple(bar.children) or filter(None, [head["child_run_id"]]):
                await self._add_child(child, own_depth + 1)
        return above

    async def _add_child(self, run_id: str, depth: int) -> None:
        """Its first page, where there is room for it."""
        page = Page(0, 2 * HALF, 2 * HALF, HALF)
        bars, events = await self._bars.bars(self._journal, run_id, 0, page.until)
        self._events_left -= events
        self._rows_left -= len(bars)
        if self._events_left < 0 or self._rows_left < 0:
            self.cut += 1
            return
        self.cut += events == page.until
        await self._add(run_id, depth, page, bars)


def _as_tree(heads: Sequence[StepHeadRow], graphs: Graphs) -> Iterator[StepHeadRow]:
    """Executions with those of their branches and items below them, in the order they began."""
    below: dict[str, list[StepHeadRow]] = {}
    paths = {head["path"] for head in heads}
    for head in heads:
        parent = outer_path_of(head["path"])
        below.setdefault(parent if parent in paths else "", []).append(head)

    def place(head: StepHeadRow) -> tuple[int, int, int]:
        return graphs.rank(head["path"]), _branch(head["path"]), head["first_seq"]

    for heads_below in below.values():
        heads_below.sort(key=place)
    waiting = below.pop("", [])[::-1]
    while waiting:
        head = waiting.pop()
        yield head
        waiting += below.pop(head["path"], [])[::-1]


def _branch(path: str) -> int:
    index = scope_path_of(path).rpartition("/")[2]
    return int(index) if index.isdecimal() else -1


def _row(
    run_id: str,
    head: StepHeadRow,
    spans: tuple[TimelineSpan, ...],
    depth: int,
    needs: tuple[str, ...] | None,
    item: str | None,
) -> TimelineRow:
    require_text(head, run_id)
    return TimelineRow.model_construct(
        run_id=run_id,
        step_id=head["path"],
        name=head["name"],
        type=head["type"],
        status=StepStatus(head["status"]),
        depth=depth,
        child_run_id=head["child_run_id"],
        needs=needs,
        item=item,
        recoveries=head["recoveries"],
        spans=spans,
    )


def _spans(head: StepHeadRow, bar: Bar, since: int) -> tuple[TimelineSpan, ...]:
    """What it did, as the events of the page tell; what it did before them is one stretch."""
    begun = head["started_at"]
    if begun is None or head["status"] == StepStatus.SKIPPED:
        return ()
    told = bar.all_spans(head["finished_at"])
    if bar.joined is not None and head["first_seq"] <= since and bar.joined > begun:
        return (_stretch(head, begun, bar.joined), *told)
    return told or (_stretch(head, begun, head["finished_at"]),)


def _stretch(head: StepHeadRow, begun: int, end: int | None) -> TimelineSpan:
    failed = head["status"] == StepStatus.FAILED and end is not None and end == head["finished_at"]
    kind = SpanKind.WAITING if head["type"] in _WAITS else SpanKind.WORKING
    return TimelineSpan(
        kind=SpanKind.FAILED if failed else kind,
        start=from_micros(begun),
        end=None if end is None else from_micros(end),
    )
