"""The timeline of a run: its executions as a tree, child runs below the step that started them, bounded."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.contracts.model import from_micros
from engine.contracts.status import StepStatus
from engine.contracts.timeline import SpanKind, Timeline, TimelineRow, TimelineSpan
from engine.machine.model.state import scope_path_of
from engine.runtime.views.timeline_graphs import Graphs
from engine.runtime.views.timeline_spans import Bar, Bars

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.journal.port import Journal
    from engine.journal.rows import RunRow, StepHeadRow

MAX_ROWS = 2_000
MAX_EVENTS = 100_000
"""Events looked at; rows of later ones show only when they began and ended."""
EVENTS_AT_ONCE = 250
KEPT_RUNS = 32
"""Runs whose bars are kept: those on the screen, with their child runs."""


@dataclass(slots=True)
class _Read:
    """The bars of a run as far as its events were read; events are only ever added."""

    bars: Bars = field(default_factory=Bars)
    after: int = 0
    events: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class SeenRuns:
    """What was read of the runs looked at last, so that only new events are read the next time."""

    def __init__(self, most: int = KEPT_RUNS) -> None:
        self._most = most
        self._runs: OrderedDict[str, _Read] = OrderedDict()

    def of(self, run_id: str) -> _Read:
        """Of this run; of the others the one that was not looked at for longest may go."""
        read = self._runs.setdefault(run_id, _Read())
        self._runs.move_to_end(run_id)
        if len(self._runs) > self._most:
            self._runs.popitem(last=False)
        return read


async def timeline_of(
    journal: Journal,
    row: RunRow,
    *,
    seen: SeenRuns | None = None,
    max_rows: int = MAX_ROWS,
    max_events: int = MAX_EVENTS,
) -> Timeline:
    """The timeline of the run of this row; `seen` keeps what is read for the next time."""
    drawing = _Drawing(journal, seen or SeenRuns(), max_rows, max_events)
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

    def __init__(self, journal: Journal, seen: SeenRuns, max_rows: int, max_events: int) -> None:
        self._journal = journal
        self._seen = seen
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
            self.rows.append(_row(run_id, head, bar, own_depth, graphs.needs(head["path"])))
            left -= 1
            if left % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
            for child in tuple(bar.children) or filter(None, [head["child_run_id"]]):
                await self.add_run(child, own_depth + 1)

    async def _bars(self, run_id: str) -> Mapping[str, Bar]:
        read = self._seen.of(run_id)
        async with read.turn:
            self._events_left -= read.events
            while self._events_left > 0:
                limit = min(EVENTS_AT_ONCE, self._events_left)
                page = await self._journal.page_events(run_id, read.after, limit)
                read.bars.take(stored.event for stored in page)
                read.events += len(page)
                self._events_left -= len(page)
                read.after = page[-1].run_seq if page else read.after
                if len(page) < limit:
                    break
        return read.bars.by_path


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


def _row(run_id: str, head: StepHeadRow, bar: Bar, depth: int, needs: tuple[str, ...] | None) -> TimelineRow:
    return TimelineRow.model_construct(
        run_id=run_id,
        step_id=head["path"],
        name=head["name"],
        type=head["type"],
        status=StepStatus(head["status"]),
        depth=depth,
        child_run_id=head["child_run_id"],
        needs=needs,
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
