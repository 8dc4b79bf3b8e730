"""The rows of the service levels: columns, and one pack in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, overload

from engine.contracts.governing.slo import AlertKind, SloState
from engine.safe_text import sanitize
from screens.widgets.ages import zoned
from screens.widgets.numbers import percent_cell, short_number
from screens.widgets.status_labels import StatusLabel, Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.made_table import RowToMake
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from datetime import datetime

    from engine.facade.levels import LevelSummary

STATES: dict[SloState, StatusLabel] = {
    SloState.VIOLATED: StatusLabel("✗", SloState.VIOLATED.words, Tone.BAD),
    SloState.AT_RISK: StatusLabel("▲", SloState.AT_RISK.words, Tone.WAITING),
    SloState.FEW_EVENTS: StatusLabel("?", SloState.FEW_EVENTS.words, Tone.QUIET),
    SloState.MET: StatusLabel("✓", SloState.MET.words, Tone.GOOD),
    SloState.NO_DATA: StatusLabel("·", SloState.NO_DATA.words, Tone.QUIET),
}
USED, LEFT, OVER = "█", "░", "!"
"""Cells of a bar: used up, left, and what is too much."""
BAR = 6
WIDE = 110
"""From so many cells on there is room for whole words."""


def columns(width: int) -> tuple[Column, ...]:
    """What stands in a line of so many cells."""
    may_fail = Column("May still fail", 14) if width >= WIDE else Column("May fail", 4 + 1 + BAR)
    return (
        Column("Pack", 12, flex=2),
        Column("Tenant", 7, flex=1, rank=1),
        Column("Runs", 4),
        Column(" OK %", 5),
        Column(" Goal", 5),
        may_fail,
        Column("Burn 6h/1d", 10, rank=2),
        Column("  p95", 5, rank=2),
        Column(" Goal", 5, rank=3),
        Column("Runs out", 12, rank=3),
        Column("State", 10),
    )


_BURNING = frozenset({AlertKind.PAGE, AlertKind.TICKET})
_WHOLE = 10
"""From so much on a burn is told without a fraction."""


class ListedPacks(NamedTuple):
    """The packs that fit, in order, and over how many days any of all are measured."""

    levels: Sequence[LevelSummary]
    windows: frozenset[int]


class LevelRows(Sequence[RowToMake]):
    """Their rows: of ten thousand tenants only those are made that are looked at."""

    def __init__(self, levels: Sequence[LevelSummary]) -> None:
        self._levels = levels

    def __len__(self) -> int:
        return len(self._levels)

    @overload
    def __getitem__(self, place: int) -> RowToMake: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[RowToMake]: ...
    def __getitem__(self, place: int | slice) -> RowToMake | Sequence[RowToMake]:
        if isinstance(place, slice):
            return LevelRows(self._levels[place])
        level = self._levels[place]
        return RowToMake(level_key(level), partial(level_row, level))


def listed_of(levels: Sequence[LevelSummary], typed: str) -> ListedPacks:
    """What fits the words that were typed."""
    words = typed.casefold().split()
    fitting = [level for level in levels if fits(level, words)] if words else levels
    return ListedPacks(fitting, frozenset(level.window_days for level in levels))


def place_of(levels: Sequence[LevelSummary], wanted: LevelSummary | None) -> int | None:
    """Where a pack of a tenant stands by now."""
    if wanted is None:
        return None
    tenant, pack = wanted.tenant, wanted.pack
    places = (place for place, level in enumerate(levels) if level.tenant == tenant and level.pack == pack)
    return next(places, None)


def level_row(level: LevelSummary) -> Row:
    """One pack in one tenant."""
    label = STATES[level.state]
    over, burning = level.may_fail < 0, not _BURNING.isdisjoint(level.alerts)
    slow = level.p95_ms is not None and level.p95_ms > level.p95_goal_ms
    low = level.success_rate is not None and level.success_rate < level.goal
    out = day_time(level.runs_out) if level.runs_out is not None else "already" if over else ""
    return Row(
        level_key(level),
        (
            Cell(sanitize(level.pack)),
            Cell(sanitize(level.tenant), Tone.QUIET),
            Cell(sanitize(f"{few(level.runs) if level.runs else '-':>4}")),
            Cell(sanitize(percent_cell(level.success_rate)), Tone.BAD if low else Tone.PLAIN),
            Cell(sanitize(percent_cell(level.goal)), Tone.QUIET),
            Cell(sanitize(_may_fail(level)), Tone.BAD if over else Tone.PLAIN),
            Cell(sanitize(f"{_burns(level):>10}"), Tone.WAITING if burning else Tone.PLAIN),
            Cell(sanitize(f"{milliseconds(level.p95_ms):>5}"), Tone.BAD if slow else Tone.PLAIN),
            Cell(sanitize(f"{milliseconds(level.p95_goal_ms):>5}"), Tone.QUIET),
            Cell(sanitize(out), Tone.BAD if over else Tone.PLAIN),
            Cell(label.text, label.tone),
        ),
    )


def level_key(level: LevelSummary) -> str:
    """Names a row."""
    return f"{level.tenant} {level.pack}"


def fits(level: LevelSummary, words: Sequence[str]) -> bool:
    """Whether every word is part of pack, tenant or state."""
    known = f"{level.pack} {level.tenant} {STATES[level.state].word}".casefold()
    return all(word in known for word in words)


def bar(used: float, cells: int) -> str:
    """A share that is used up, as cells. Only all of it is full; more of it ends in signs that say so."""
    if used > 1:
        over = min(cells // 2, max(1, round((used - 1) * cells)))
        return USED * (cells - over) + OVER * over
    full = cells if used == 1 else max(1, min(cells - 1, round(used * cells))) if used > 0 else 0
    return USED * full + LEFT * (cells - full)


def few(number: int) -> str:
    """A count in at most four characters: `9600`, `12k`, `3.1M`."""
    return str(number) if abs(number) < 10_000 else short_number(number)


def milliseconds(ms: int | None) -> str:
    """A time in the unit that fits, in at most five characters: `0.90s`, `4.1s`, `3m`, `2.5h`, `30d`."""
    if ms is None:
        return "-"
    seconds = ms / 1000
    if seconds < 1:
        return f"{seconds:.2f}s"
    if seconds < 99.95:
        return f"{seconds:.1f}s"
    hours = seconds / 3600
    return f"{seconds / 60:.0f}m" if hours < 2 else f"{hours:.1f}h" if hours < 99.95 else f"{hours / 24:.0f}d"


def day_time(moment: datetime) -> str:
    """`28 Nov 14:02`: a day that is near, in the zone of the console."""
    return zoned(moment).strftime("%d %b %H:%M")


def _may_fail(level: LevelSummary) -> str:
    if not level.runs:
        return "   -"
    left = f"{'-' if level.may_fail < 0 else ''}{few(abs(level.may_fail))}"
    if not level.allowed:
        return f"{left:>4} {'of 0' if level.failed else ''}".rstrip()
    return f"{left:>4} {bar(1 - level.may_fail / level.allowed, BAR)}"


def _burns(level: LevelSummary) -> str:
    return f"{burn_words(level.burns[1])}/{burn_words(level.burns[2])}" if level.runs else "-"


def burn_words(burn: float) -> str:
    """A burn in at most four characters: `6.2`, `33`, `12k`."""
    return f"{burn:.1f}" if burn < _WHOLE else few(round(burn))
