"""The timeline: executions as a tree, each with its bar on one axis of time; drawn by line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip

from engine.contracts.runs.timeline import SpanKind
from engine.safe_text import SafeText, sanitize
from screens.keys.bindings import bindings
from screens.run.timeline.labels import after, key_of, label
from screens.widgets.ages import span as span_words
from screens.widgets.status_labels import STEP_LABELS, Tone
from screens.widgets.tables.columns import GAP, Column
from screens.widgets.tables.line_table import GUTTER, LineTable
from screens.widgets.tables.rows import Cell, Row
from screens.widgets.time_axis import Axis, Interval, bar, ticks, whole

if TYPE_CHECKING:
    from datetime import datetime

    from textual import events

    from engine.contracts.runs.timeline import Timeline, TimelineRow

BAR_MARKS: dict[SpanKind, tuple[str, str, Tone]] = {
    SpanKind.WORKING: ("█", "working", Tone.BUSY),
    SpanKind.WAITING: ("░", "waits", Tone.WAITING),
    SpanKind.RETRYING: ("▒", "retries", Tone.BUSY),
    SpanKind.FAILED: ("✗", "failed", Tone.BAD),
}
"""Symbol, word and tone of what a bar can show."""

BAR_CELLS: dict[SpanKind | None, tuple[str, Tone]] = {
    kind: (symbol, tone) for kind, (symbol, _, tone) in BAR_MARKS.items()
}

NOW_SYMBOL, MARKER_SYMBOL = "│", "┃"

_NOTHING = (" ", Tone.QUIET)
_TICK = "╷"
_EARLIER, _LATER = "‹", "›"
_INDENT = 2
_ZOOM = 0.5
_SCROLL = 0.25
_COLUMNS = (
    Column("Step", 20, flex=2),
    Column("Status", 15, rank=1),
    Column("Took", 7),
    Column("", 20, flex=6),
)
"""The last one is where the bars are drawn."""

Painted = tuple[tuple[SafeText, Tone], ...]


class Edge(Enum):
    """Which page lies beyond an end of the one that is shown."""

    OLDER = -1
    NEWER = 1
    FIRST = -2
    LAST = 2


@dataclass(frozen=True, slots=True)
class BarRow(Row):
    """A row with its painted bar."""

    bar: Painted = ()


class TimelineTable(LineTable):
    """Executions with bars on an axis of time, all of it until it is zoomed; keys are `run_id step_id`."""

    HELP = (
        "What every step did when; branches and child runs stand below their step. {list.open} shows its "
        "input and output. {time.zoom_in} {time.zoom_out} zoom, {time.whole} shows the whole time, "
        "{run.marker} the run as it was. A long run is shown by pages: beyond an end comes the next one."
    )
    BINDINGS = bindings("time.")

    @dataclass
    class Beyond(Message):
        """The cursor goes where another page is: to the row `wanted`, counted in this one, or to an end."""

        edge: Edge
        wanted: int

    @dataclass
    class Stepped(Message):
        """Looking back, the operator goes to the next event, or the one before."""

        by: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(_COLUMNS, id=id)
        self._timeline: Timeline | None = None
        self._now: datetime | None = None
        self._marker: datetime | None = None
        self._view: tuple[float, float] | None = None
        self._following = False
        self._turning = False
        self.by_clock = True

    @property
    def row_count(self) -> int:
        """How many executions there are."""
        return len(self._timeline.rows) if self._timeline else 0

    @property
    def cursor_execution(self) -> TimelineRow | None:
        """The execution under the cursor."""
        return self._timeline.rows[self._cursor] if self._timeline and self._timeline.rows else None

    @property
    def following(self) -> bool:
        """Whether the axis moves with the time of a live run."""
        return self._following

    @property
    def cell_seconds(self) -> float:
        """How much time one cell stands for."""
        axis = self.axis()
        return axis.seconds / axis.width

    def row_at(self, index: int) -> Row | None:
        """The execution at this place, painted for the axis of now."""
        if self._timeline is None or not 0 <= index < self.row_count:
            return None
        row = self._timeline.rows[index]
        status = STEP_LABELS[row.status]
        cells = (
            Cell(sanitize(" " * _INDENT * row.depth + label(row) + after(row), limit=300)),
            Cell(status.text, status.tone),
            Cell(sanitize(self._took(row)), Tone.QUIET),
            Cell(sanitize("")),
        )
        return BarRow(key_of(row), cells, self._painted(row))

    def show(self, timeline: Timeline, now: datetime, marker: datetime | None = None) -> None:
        """Other executions, or a later time. `marker` is the moment that is looked back at."""
        before, key = self._picture(), self.cursor_key
        title, keeps_last = self._axis_title(), self._following and self._cursor == self.row_count - 1
        self._timeline, self._now, self._marker = timeline, now, marker
        keys = list(map(key_of, timeline.rows))
        found = keys.index(key) if key in keys else self._cursor
        found = len(keys) - 1 if keeps_last else found
        self._rows_changed(found, found - self._cursor)
        if marker is not None and self._view is not None:
            self._show_axis(self.axis().containing(self._seconds(marker)))
        self._draw_changes(before)
        if self._axis_title() != title:
            self.refresh_line(self.scroll_offset.y)
        if self.cursor_key != key:
            self.post_message(self.Highlighted(self, self.cursor_key))

    def go_to(self, index: int) -> None:
        """As of any list; beyond this page the one that is there is asked for."""
        if self._timeline is None or self._turning:
            return
        first, last = self._timeline.above if self._timeline.older is not None else 0, self.row_count - 1
        if index < first and self._timeline.older is not None:
            self._turn(Edge.OLDER, index)
        elif index > last and self._timeline.newer is not None:
            self._turn(Edge.NEWER, index)
        else:
            super().go_to(index)

    def action_cursor_top(self) -> None:
        """The first row of the run."""
        if self._timeline is not None and self._timeline.older is not None:
            self._turn(Edge.FIRST, 0)
        else:
            super().go_to(0)

    def action_cursor_bottom(self) -> None:
        """The last row of the run."""
        if self._timeline is not None and self._timeline.newer is not None:
            self._turn(Edge.LAST, 0)
        else:
            super().go_to(self.row_count - 1)

    def on_mouse_scroll_up(self) -> None:
        """The wheel goes on beyond the first line, too."""
        if self._timeline is not None and self._timeline.older is not None and self.scroll_offset.y <= 0:
            self._turn(Edge.OLDER, self._timeline.above - 1)

    def on_mouse_scroll_down(self) -> None:
        """And beyond the last one."""
        at_end = self.scroll_offset.y >= self.max_scroll_y
        if self._timeline is not None and self._timeline.newer is not None and at_end:
            self._turn(Edge.NEWER, self.row_count)

    def turned(self, index: int | None = None) -> None:
        """The page that was asked for is shown, or cannot be: the cursor goes to this row."""
        self._turning = False
        if index is not None:
            super().go_to(index)

    def axis(self) -> Axis:
        """What is shown of the time now."""
        width = max(1, self._placed[-1].width)
        total = self._total()
        fitted = whole(total, width, live=self._is_live())
        if self._view is None:
            return fitted
        start, seconds = self._view
        axis = Axis(start, min(seconds, fitted.seconds), fitted.total, width)
        return axis.containing(total) if self._following and self._is_live() else axis

    def action_zoom_in(self) -> None:
        """Half the time, around what the cursor is on."""
        self._zoom(_ZOOM)

    def action_zoom_out(self) -> None:
        """Twice the time."""
        self._zoom(1 / _ZOOM)

    def action_zoom_whole(self) -> None:
        """The whole run."""
        self._view = None
        self.refresh()

    def action_earlier(self) -> None:
        """A part of the axis back; looking back: the event before."""
        self._scroll(-1)

    def action_later(self) -> None:
        """A part of the axis on; looking back: the next event."""
        self._scroll(1)

    def follow(self, on: bool) -> None:
        """Keep the present in view, and go to the last row, where it happens; or stay where it is."""
        self._following = on
        self.refresh()
        if on:
            self.action_cursor_bottom()

    def on_resize(self, event: events.Resize) -> None:
        """Another width, another axis."""
        super().on_resize(event)
        self.refresh()

    def _turn(self, edge: Edge, wanted: int) -> None:
        """Until the page is there keys that move the cursor wait for nothing: they do nothing."""
        if not self._turning:
            self._turning = True
            self.post_message(self.Beyond(edge, wanted))

    def _scroll(self, by: int) -> None:
        if self._marker is not None:
            self.post_message(self.Stepped(by))
        else:
            self._following = False
            self._show_axis(self.axis().scrolled(by * _SCROLL))

    def _zoom(self, factor: float) -> None:
        axis = self.axis()
        self._show_axis(axis.zoomed(factor, self._center(axis)))

    def _show_axis(self, axis: Axis) -> None:
        self._view = None if axis.seconds >= axis.total else (axis.start, axis.seconds)
        self.refresh()

    def _center(self, axis: Axis) -> float:
        """What a zoom keeps in place: the marker, else where the step under the cursor begins."""
        places = [self._seconds(self._marker)] if self._marker else []
        if (row := self.cursor_execution) and row.spans:
            places.append(self._seconds(row.spans[0].start))
        return next((place for place in places if axis.shows(place)), axis.start + axis.seconds / 2)

    def _is_live(self) -> bool:
        return self._timeline is not None and self._timeline.end is None

    def _total(self) -> float:
        if self._timeline is None or self._now is None:
            return 1.0
        end = self._timeline.end or self._now
        return max(0.0, self._seconds(end))

    def _seconds(self, moment: datetime) -> float:
        start = self._timeline.start if self._timeline else moment
        return (moment - start).total_seconds()

    def _took(self, row: TimelineRow) -> str:
        if not row.spans:
            return ""
        end = row.spans[-1].end
        return span_words(row.spans[0].start, end)

    def _intervals(self, row: TimelineRow) -> list[Interval]:
        last = self._total() if self._marker is None else self._seconds(self._marker)
        return [
            Interval(
                span.kind, self._seconds(span.start), last if span.end is None else self._seconds(span.end)
            )
            for span in row.spans
        ]

    def _painted(self, row: TimelineRow) -> Painted:
        axis, intervals = self.axis(), self._intervals(row)
        cells = [BAR_CELLS.get(kind, _NOTHING) for kind in bar(axis, intervals)]
        self._draw_lines(axis, cells)
        if intervals and all(interval.end < axis.start for interval in intervals):
            cells[0] = (_EARLIER, Tone.QUIET)
        elif intervals and all(interval.start > axis.start + axis.seconds for interval in intervals):
            cells[-1] = (_LATER, Tone.QUIET)
        parts = groupby(cells, key=itemgetter(1))
        return tuple((sanitize("".join(symbol for symbol, _ in cells)), tone) for tone, cells in parts)

    def _draw_lines(self, axis: Axis, cells: list[tuple[str, Tone]]) -> None:
        """The present behind the bars, the moment that is looked back at in front of them."""
        now, last = self._total(), axis.width - 1
        if self._is_live() and axis.shows(now):
            cell = min(axis.cell(now), last)
            cells[cell] = (NOW_SYMBOL, Tone.GOOD) if cells[cell] == _NOTHING else cells[cell]
        if self._marker is not None and axis.shows(self._seconds(self._marker)):
            cells[min(axis.cell(self._seconds(self._marker)), last)] = (MARKER_SYMBOL, Tone.WAITING)

    def _axis_title(self) -> str:
        axis = self.axis()
        if self._timeline is None:
            return ""
        line = [" "] * axis.width
        for cell, words in ticks(axis, self._timeline.start if self.by_clock else None):
            text = _TICK + words
            if cell + len(text) <= axis.width:
                line[cell : cell + len(text)] = text
        return "".join(line)

    def _header(self) -> Strip:
        strip = super()._header()
        style = self.rich_style + self.get_component_rich_style("line-table--header", partial=True)
        shown = [*strip.crop(0, self._bar_place()), Segment(self._axis_title(), style)]
        return Strip(shown).adjust_cell_length(self.size.width, style)

    def _line(self, index: int) -> Strip:
        strip, row, base = super()._line(index), self.row_at(index), self.rich_style
        if not isinstance(row, BarRow):
            return strip
        if index == self._cursor:
            base += self.get_component_rich_style("line-table--cursor", partial=True)
        painted = [Segment(text, base + self._tone(tone)) for text, tone in row.bar]
        return Strip([*strip.crop(0, self._bar_place()), *painted]).adjust_cell_length(self.size.width, base)

    def _bar_place(self) -> int:
        return GUTTER + sum(placed.width + GAP for placed in self._placed[:-1])
