"""The timeline of a run: its executions as a tree, child runs below the step that started them, bounded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.contracts.runs.timeline import SpanKind, Timeline, TimelineRow, TimelineSpan
from engine.contracts.status import StepStatus
from engine.contracts.times import from_micros
from engine.machine.model.state import scope_path_of
from engine.runtime.views.items import item_at
from engine.runtime.views.timelines.seen_runs import EVENTS_AT_ONCE, MAX_EVENTS, SeenRuns
from engine.runtime.views.timelines.timeline_graphs import Graphs
from engine.runtime.views.timelines.timeline_spans import Bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.journal.port import Journal
    from engine.journal.rows import RunRow, StepHeadRow
    from engine.runtime.views.items import ItemWords

MAX_ROWS = 2_000


async def timeline_of(
    journal: Journal,
    row: RunRow,
    items: ItemWords,
    *,
    seen: SeenRuns | None = None,
    max_rows: int = MAX_ROWS,
    max_events: int = MAX_EVENTS,
) -> Timeline:
    """The timeline of the run of this row; `seen` and `items` keep what is read for the next time."""
    drawing = _Drawing(journal, seen or SeenRuns(), items, max_rows, max_events)
    await drawing.add_run(row["run_id"], 0)
    end = row["finished_at"]
    return Timeline(
        run_id=row["run_id"],
        start=from_micros(row["created_at"]),
        end=None if end is None else from_micros(end),
        rows=tuple(drawing.rows),
        cut=drawing.cut,
    )


class _Drawing:
    """Rows so far; a run whose rows do not fit any more is counted and left out."""

    def __init__(
        self, journal: Journal, seen: SeenRuns, items: ItemWords, max_rows: int, max_events: int
    ) -> None:
        self._journal = journal
        self._seen = seen
        self._items = items
        self._max_rows = max_rows
        self._events_left = max_events
        self.rows: list[TimelineRow] = []
        self.cut = 0

    async def add_run(self, run_id: str, depth: int) -> None:
        heads, total = await self._journal.step_heads(run_id, self._max_rows - len(self.rows))
        bars = await self._bars(run_id) if heads else {}
        left = len(heads)
        self.cut += total - left
        graphs = Graphs({path: bar.graph for path, bar in bars.items() if bar.graph})
        for head in _as_tree([*heads, *graphs.not_begun(heads)], graphs):
            if len(self.rows) >= self._max_rows:
                self.cut += left
                return
            bar = bars.get(head["path"], Bar())
            own_depth = depth + head["path"].count("/") // 2 + graphs.depth(head["path"])
            item = await self._item(run_id, bars, head["path"])
            self.rows.append(_row(run_id, head, bar, own_depth, graphs.needs(head["path"]), item))
            left -= 1
            if left % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
            for child in tuple(bar.children) or filter(None, [head["child_run_id"]]):
                await self.add_run(child, own_depth + 1)

    async def _bars(self, run_id: str) -> Mapping[str, Bar]:
        bars, looked_at = await self._seen.bars(self._journal, run_id, self._events_left)
        self._events_left -= looked_at
        return bars

    async def _item(self, run_id: str, bars: Mapping[str, Bar], path: str) -> str | None:
        """The item that a step is for, when it stands in the list of a `for_each`."""
        loop = bars.get(scope_path_of(scope_path_of(path)))
        if loop is None or loop.loop is None:
            return None
        words = await self._items.of(run_id, *loop.loop)
        return item_at(words, path)


def _as_tree(heads: Sequence[StepHeadRow], graphs: Graphs) -> Iterator[StepHeadRow]:
    """Executions with those of their branches and items below them, in the order they began."""
    below: dict[str, list[StepHeadRow]] = {}
    paths = {head["path"] for head in heads}
    for head in heads:
        parent = scope_path_of(scope_path_of(head["path"]))
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
    bar: Bar,
    depth: int,
    needs: tuple[str, ...] | None,
    item: str | None,
) -> TimelineRow:
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
        spans=bar.all_spans(head["finished_at"]) or _whole(head),
    )


def _whole(head: StepHeadRow) -> tuple[TimelineSpan, ...]:
    """One span from its beginning to its end, for a step whose events were not looked at."""
    if head["started_at"] is None or head["status"] == StepStatus.SKIPPED:
        return ()
    end = head["finished_at"]
    failed = head["status"] == StepStatus.FAILED
    kind = SpanKind.FAILED if failed and end is not None else SpanKind.WORKING
    return (
        TimelineSpan(
            kind=kind,
            start=from_micros(head["started_at"]),
            end=None if end is None else from_micros(end),
        ),
    )
