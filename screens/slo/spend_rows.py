"""What packs used, in the unit that is looked at: money against its caps, tokens, or time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from heapq import nlargest
from typing import TYPE_CHECKING

from engine.contracts.governing.budget import CapScope, CapState, CapWindow
from engine.contracts.governing.money import BILLIONTHS, short_dollars
from engine.safe_text import sanitize
from screens.slo.rows import bar, day_time, few, level_key, milliseconds
from screens.widgets.numbers import short_number
from screens.widgets.status_labels import StatusLabel, Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.made_table import RowToMake
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.governing.budget import Caps, CapView, Spending, SpendRow, SpendSum
    from engine.facade.levels import LevelSummary


class Unit(StrEnum):
    """What is looked at."""

    COST = "cost"
    TOKENS = "tokens"
    TIME = "time"


CAP_STATES = {
    CapState.HARD: StatusLabel("✗", "reached", Tone.BAD),
    CapState.SOFT: StatusLabel("▲", "warned", Tone.WAITING),
    CapState.OK: StatusLabel("✓", "below", Tone.GOOD),
}
_NO_CAP = StatusLabel("·", "no cap", Tone.QUIET)
_IN_PART = StatusLabel("·", "in part", Tone.QUIET)
BAR = 8
EACH = "*"
"""In place of a tenant or a name: each one by itself."""
MOST_TIMED = 1_000
"""Packs whose time is listed, those that took longest."""
_SHORT = 7
_WINDOWS = {CapWindow.DAY: "day", CapWindow.MONTH: "month", CapWindow.TOTAL: "total"}
COLUMNS: dict[Unit, tuple[Column, ...]] = {
    Unit.COST: (
        Column("Spent", 14, flex=2),
        Column("Tenant", 7, flex=1, rank=1),
        Column("In", 5),
        Column("   Cost", 7),
        Column("    Cap", 7),
        Column("Used", BAR),
        Column("Runs out on", 12, rank=2),
        Column("State", 9),
    ),
    Unit.TOKENS: (
        Column("Tokens", 14, flex=1),
        Column("Calls", 5),
        Column("  Input", 7),
        Column(" Cached", 7),
        Column(" Output", 7),
        Column("Of all", BAR),
        Column("Estimated", 9, rank=1),
    ),
    Unit.TIME: (
        Column("Time", 14, flex=2),
        Column("Tenant", 7, flex=1, rank=1),
        Column("Runs", 5),
        Column(" Worked", 7),
        Column("  People", 8),
        Column("Waiting for people", 18),
    ),
}


@dataclass(frozen=True, slots=True)
class SpendData:
    """What was read of the days that are looked at."""

    spending: Spending
    caps: Caps
    levels: Sequence[LevelSummary]
    tenant: str
    """The one in view; empty for all."""


def rows_of(used: SpendData, unit: Unit) -> list[RowToMake]:
    """The caps, the worst first, then who spent without one; tokens and times, the most first."""
    if unit is Unit.COST:
        capped = {cap.name for cap in used.caps.caps if cap.scope is CapScope.PACK}
        # of every tenant at once a cap holds for a part of the row only
        whole = [row for row in used.spending.rows if not used.tenant or row.name not in capped]
        return [
            *(RowToMake(cap_key(cap), partial(_cap, cap)) for cap in used.caps.caps),
            *(
                RowToMake(pack_key(row), partial(_whole, row, used.tenant, row.name in capped))
                for row in whole
            ),
        ]
    if unit is Unit.TOKENS:
        most = sorted(used.spending.rows, key=lambda row: (-_tokens(row.sum), row.name))
        of_all = max(1, _tokens(used.spending.total))
        return [RowToMake(pack_key(row), partial(_told, row, of_all)) for row in most]
    timed = (level for level in used.levels if level.worked_ms or level.waited_ms)
    longest = nlargest(MOST_TIMED, timed, key=lambda level: level.worked_ms + level.waited_ms)
    return [RowToMake(level_key(level), partial(_took, level)) for level in longest]


def cap_key(cap: CapView) -> str:
    """Names a cap."""
    return f"{cap.scope} {cap.tenant} {cap.name} {cap.window}"


def pack_key(row: SpendRow) -> str:
    """Names what a pack used."""
    return f"pack {row.name}"


def amount(cost: int) -> str:
    """Money in at most seven characters: `$8.12`, `$141.90`, `$12.3k`; nothing is rounded down to none."""
    exact = short_dollars(cost)
    return exact if len(exact) <= _SHORT else f"${short_number(-(-cost // BILLIONTHS))}"


def cap_name(cap: CapView) -> str:
    """What a cap is one of."""
    names = {CapScope.TENANT: "all", CapScope.PACK: cap.name, CapScope.MODEL: f"model {cap.name}"}
    return names.get(cap.scope, "each run")


def waiting_share(worked_ms: int, waited_ms: int) -> float | None:
    """The part of the time of runs in which people were waited for; None where nothing took any."""
    whole = worked_ms + waited_ms
    return waited_ms / whole if whole else None


def _cap(cap: CapView) -> Row:
    label = CAP_STATES[cap.state]
    limit = cap.hard or cap.soft or 0
    each = cap.scope is CapScope.RUN  # each run by itself: there is no sum to tell
    out = day_time(cap.runs_out_at) if cap.runs_out_at is not None else ""
    return Row(
        cap_key(cap),
        (
            Cell(sanitize(cap_name(cap))),
            Cell(sanitize("" if cap.tenant == "*" else cap.tenant), Tone.QUIET),
            Cell(sanitize(_WINDOWS[cap.window]), Tone.QUIET),
            Cell(sanitize("" if each else f"{amount(cap.spent):>7}")),
            Cell(sanitize(f"{amount(limit):>7}")),
            Cell(
                sanitize("" if each else bar((cap.spent + cap.held) / limit if limit else 0, BAR)), label.tone
            ),
            Cell(sanitize(out), Tone.WAITING),
            Cell(sanitize("" if each else label.text), label.tone),
        ),
    )


def _whole(row: SpendRow, tenant: str, capped: bool) -> Row:
    state = _IN_PART if capped else _NO_CAP
    cost = amount(row.sum.cost) if row.sum.cost or not row.sum.unpriced else "unknown"
    return Row(
        pack_key(row),
        (
            Cell(sanitize(row.name)),
            Cell(sanitize(tenant or "all"), Tone.QUIET),
            Cell(sanitize("")),
            Cell(sanitize(f"{cost:>7}")),
            Cell(sanitize("")),
            Cell(sanitize("")),
            Cell(sanitize("")),
            Cell(state.text, state.tone),
        ),
    )


def _tokens(used: SpendSum) -> int:
    return used.input_tokens + used.output_tokens


def _told(row: SpendRow, of_all: int) -> Row:
    counts = (row.sum.input_tokens, row.sum.cached_tokens, row.sum.output_tokens)
    estimated = f"{few(row.sum.estimated):>9}" if row.sum.estimated else ""
    return Row(
        pack_key(row),
        (
            Cell(sanitize(row.name)),
            Cell(sanitize(f"{few(row.sum.calls):>5}")),
            *(Cell(sanitize(f"{few(count):>7}")) for count in counts),
            Cell(sanitize(bar(_tokens(row.sum) / of_all, BAR)), Tone.BUSY),
            Cell(sanitize(estimated), Tone.QUIET),
        ),
    )


def _took(level: LevelSummary) -> Row:
    share = waiting_share(level.worked_ms, level.waited_ms) or 0.0
    return Row(
        level_key(level),
        (
            Cell(sanitize(level.pack)),
            Cell(sanitize(level.tenant), Tone.QUIET),
            Cell(sanitize(f"{few(level.runs):>5}")),
            Cell(sanitize(f"{milliseconds(level.worked_ms):>7}")),
            Cell(sanitize(f"{milliseconds(level.waited_ms):>8}")),
            Cell(sanitize(f"{bar(share, BAR)} {share * 100:3.0f} %"), Tone.WAITING),
        ),
    )
