"""Time on cells: the stretch of a run that is shown, its ticks, and the bars of what steps did.

Times are seconds since the run began. Pure: what is drawn how is the widget's business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engine.contracts.runs.timeline import SpanKind
from screens.widgets.ages import zoned

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST_SECONDS = 0.001
"""The shortest stretch that is shown."""

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_BELOW_MINUTE = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
_STEPS = (
    *(base * scale for scale in (0.001, 0.01, 0.1) for base in (1.0, 2.0, 5.0)),
    *_BELOW_MINUTE,
    *(step * _MINUTE for step in _BELOW_MINUTE),
    *(step * _HOUR for step in (1.0, 2.0, 3.0, 6.0, 12.0)),
    *(step * _DAY for step in (1.0, 2.0, 7.0, 14.0, 30.0, 90.0, 365.0)),
)
_LABEL_GAP = 2


@dataclass(frozen=True, slots=True)
class Interval:
    """From when to when something was of one kind; `end` is now for what still lasts."""

    kind: SpanKind
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Axis:
    """`seconds` of time from `start` on, drawn on `width` cells, of a run that took `total` so far."""

    start: float
    seconds: float
    total: float
    width: int

    def cell(self, moment: float) -> int:
        """The cell of a moment; outside of 0..width-1 when it is not shown."""
        return int((moment - self.start) / self.seconds * self.width // 1)

    def shows(self, moment: float) -> bool:
        """Whether the moment is on the axis, the right edge included."""
        return self.start <= moment <= self.start + self.seconds

    def zoomed(self, factor: float, around: float) -> Axis:
        """A stretch `factor` times as long; `around` keeps its place."""
        seconds = min(max(LEAST_SECONDS, self.seconds * factor), max(self.total, LEAST_SECONDS))
        share = (around - self.start) / self.seconds
        return _placed(replace(self, seconds=seconds), around - share * seconds)

    def scrolled(self, share: float) -> Axis:
        """The stretch moved by a share of its length."""
        return _placed(self, self.start + share * self.seconds)

    def containing(self, moment: float) -> Axis:
        """The same stretch, or moved just so far that the moment is a little inside."""
        margin = self.seconds / 8
        if moment < self.start:
            return _placed(self, moment - margin)
        if moment > self.start + self.seconds:
            return _placed(self, moment - self.seconds + margin)
        return self


def _placed(axis: Axis, start: float) -> Axis:
    return replace(axis, start=max(0.0, min(start, axis.total - axis.seconds)))


def whole(total: float, width: int, *, live: bool) -> Axis:
    """The whole run. While it lasts the axis ends at a round time, so that it seldom changes."""
    seconds = max(total, LEAST_SECONDS)
    if live:
        seconds = _round_up(seconds)
    return Axis(0.0, seconds, seconds, max(1, width))


def ticks(axis: Axis, began: datetime | None = None) -> list[tuple[int, str]]:
    """Cells and the words that stand there: times since the start, or of the day with `began`."""
    for step in _STEPS:
        labels = _labels(axis, step, began)
        room = axis.width * step / axis.seconds
        if all(len(words) + _LABEL_GAP <= room for _, words in labels):
            return [(cell, words) for cell, words in labels if cell + len(words) <= axis.width]
    return []


def _labels(axis: Axis, step: float, began: datetime | None) -> list[tuple[int, str]]:
    if axis.width * step < axis.seconds * _LABEL_GAP:
        # Far too many: one that cannot fit stands for all.
        return [(0, " " * axis.width)]
    # days and hours begin where the zone has them
    zone = 0.0 if began is None else (zoned(began).utcoffset() or timedelta()).total_seconds()
    offset = 0.0 if began is None else began.timestamp() + zone
    first = -(-(axis.start + offset) // step)
    found: list[tuple[int, str]] = []
    number = first
    while (moment := number * step - offset) <= axis.start + axis.seconds:
        cell = axis.cell(max(moment, axis.start))
        found.append((cell, since(moment, step) if began is None else _of_day(number * step - zone, step)))
        number += 1
    return found


def since(seconds: float, step: float = _MINUTE) -> str:
    """A time since the start, no finer than `step`: `0`, `0.25s`, `12s`, `5m`, `1h30m`, `2d`."""
    if seconds < step / 2:
        return "0"
    if step < 1 or seconds < _MINUTE:
        places = 0 if step >= 1 else 1 if step >= 0.1 else 2 if step >= 0.01 else 3
        return f"{seconds:.{places}f}s"
    whole_seconds = round(seconds)
    units = ((int(_DAY), "d"), (int(_HOUR), "h"), (int(_MINUTE), "m"), (1, "s"))
    words = ""
    for size, unit in units:
        count, whole_seconds = divmod(whole_seconds, size)
        words += f"{count}{unit}" if count else ""
    return words


def bar(axis: Axis, intervals: Iterable[Interval]) -> list[SpanKind | None]:
    """What each cell shows: the kind that fills most of it; a failure, however short, is never hidden."""
    covered: list[dict[SpanKind, float]] = [{} for _ in range(axis.width)]
    per_cell = axis.seconds / axis.width
    for interval in intervals:
        first, last = axis.cell(interval.start), axis.cell(interval.end)
        if first == axis.width and axis.shows(interval.start):
            first = axis.width - 1
        for cell in range(max(first, 0), min(last, axis.width - 1) + 1):
            begin = axis.start + cell * per_cell
            share = min(interval.end, begin + per_cell) - max(interval.start, begin)
            if share > 0 or cell == first:
                covered[cell][interval.kind] = covered[cell].get(interval.kind, 0.0) + max(share, 0.0)
    return [_strongest(kinds) for kinds in covered]


def _strongest(kinds: dict[SpanKind, float]) -> SpanKind | None:
    if not kinds or SpanKind.FAILED in kinds:
        return SpanKind.FAILED if kinds else None
    return max(kinds, key=lambda kind: kinds[kind])


def _round_up(seconds: float) -> float:
    for step in _STEPS:
        for times in (1, 1.5):
            if seconds <= step * times:
                return step * times
    return seconds * 1.5


def _of_day(timestamp: float, step: float) -> str:
    moment = zoned(datetime.fromtimestamp(timestamp, UTC))
    if step >= _DAY:
        return moment.strftime("%m-%d")
    if step >= _MINUTE:
        return moment.strftime("%H:%M")
    if step >= 1:
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%H:%M:%S.%f")[:-3]
