"""The rows of the service levels: columns, and one pack in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.slo import SloState
from engine.safe_text import sanitize
from screens.widgets.status_labels import StatusLabel, Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from engine.contracts.governing.slo import ServiceLevel

STATES: dict[SloState, StatusLabel] = {
    SloState.VIOLATED: StatusLabel("✗", "violated", Tone.BAD),
    SloState.AT_RISK: StatusLabel("▲", "at risk", Tone.WAITING),
    SloState.FEW_EVENTS: StatusLabel("?", "few runs", Tone.QUIET),
    SloState.MET: StatusLabel("✓", "met", Tone.GOOD),
    SloState.NO_DATA: StatusLabel("·", "no runs", Tone.QUIET),
}
BAR = 8
COLUMNS = (
    Column("State", 10),
    Column("Pack", 12, flex=1),
    Column("  Runs", 6),
    Column(" OK %", 5),
    Column(" Goal", 5),
    Column("May still fail", 5 + 1 + BAR),
    Column("Burn 6h/1d", 10, rank=1),
    Column("   p95", 6),
    Column("p95 goal", 8, rank=2),
)
_SIX_HOURS, _DAY = 21_600, 86_400


def level_row(level: ServiceLevel) -> Row:
    """One pack."""
    label = STATES[level.state]
    over = level.may_fail < 0
    slow = level.p95_ms is not None and level.p95_ms > level.p95_goal_ms
    low = level.success_rate is not None and level.success_rate < level.goal
    return Row(
        level_key(level),
        (
            Cell(label.text, label.tone),
            Cell(sanitize(level.pack)),
            Cell(sanitize(f"{level.runs if level.runs else '-':>6}")),
            Cell(sanitize(f"{percent(level.success_rate):>5}"), Tone.BAD if low else Tone.PLAIN),
            Cell(sanitize(f"{percent(level.goal):>5}"), Tone.QUIET),
            Cell(sanitize(_may_fail(level)), Tone.BAD if over else Tone.PLAIN),
            Cell(sanitize(f"{_burns(level):>10}"), Tone.WAITING if level.alerts else Tone.PLAIN),
            Cell(sanitize(f"{milliseconds(level.p95_ms):>6}"), Tone.BAD if slow else Tone.PLAIN),
            Cell(sanitize(f"{milliseconds(level.p95_goal_ms):>8}"), Tone.QUIET),
        ),
    )


def level_key(level: ServiceLevel) -> str:
    """Names a row."""
    return f"{level.tenant} {level.pack}"


def fits(level: ServiceLevel, typed: str) -> bool:
    """Whether every word that was typed is part of pack, tenant or state."""
    known = f"{level.pack} {level.tenant} {STATES[level.state].word}".casefold()
    return all(word in known for word in typed.casefold().split())


def percent(share: float | None) -> str:
    """A share with up to two places, rounded down, so that nothing looks better than it is."""
    return "-" if share is None else f"{int(share * 10_000 + 1e-6) / 100:g}"


def milliseconds(ms: int | None) -> str:
    """A time in the unit that fits: `0.90s`, `4.1s`, `3m`, `2.5h`."""
    if ms is None:
        return "-"
    seconds = ms / 1000
    if seconds < 1:
        return f"{seconds:.2f}s"
    if seconds < 120:
        return f"{seconds:.1f}s"
    return f"{seconds / 60:.0f}m" if seconds < 7_200 else f"{seconds / 3600:.1f}h"


def _may_fail(level: ServiceLevel) -> str:
    if not level.runs:
        return "    -"
    left = f"{level.may_fail:>5,}"
    if level.may_fail < 0:
        return f"{left} over"
    if not level.allowed:
        return left
    full = -(-BAR * level.may_fail // level.allowed)
    return f"{left} {'█' * full}{'░' * (BAR - full)}"


def _burns(level: ServiceLevel) -> str:
    burns = {burn.long_seconds: burn.long_burn for burn in level.burns}
    if not level.runs or not burns:
        return "-"
    return f"{burns[_SIX_HOURS]:.1f}/{burns[_DAY]:.1f}"
