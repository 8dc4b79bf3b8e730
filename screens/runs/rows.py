"""The rows of the runs list, read from the engine by place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.run import RunSort
from engine.safe_text import sanitize
from screens.widgets.ages import age
from screens.widgets.status_labels import Tone, run_label
from screens.widgets.tables.columns import Column
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from engine.contracts.run import RunFilter, RunSummary
    from engine.facade.runs import Runs

KEPT_RUNS = 4_096

SORTS: dict[RunSort, tuple[str, int, str]] = {
    RunSort.NEWEST: ("newest first", 4, "▼"),
    RunSort.OLDEST: ("oldest first", 4, "▲"),
    RunSort.STATUS: ("by status", 0, "▲"),
    RunSort.FLOW: ("by flow", 1, "▲"),
    RunSort.REQUESTER: ("by requester", 7, "▲"),
}
"""Words of every order, the column that carries its symbol, and the symbol."""

_COLUMNS = (
    Column("Status", 15),
    Column("Flow", 18, flex=2),
    Column("Subject", 14, flex=8, rank=1),
    Column("Step", 12, flex=2, rank=2),
    Column("Age", 6),
    Column("Waiting for", 14, flex=1),
    Column("Tokens", 7, rank=3),
    Column("By", 10, flex=1, rank=3),
    Column("Run", 30, rank=4, room=30),
)
_TEN_UNITS = 100
"""In tenths: below that one decimal is shown."""


def columns(sort: RunSort) -> list[Column]:
    """The columns, with the symbol of the order."""
    _, sorted_by, symbol = SORTS[sort]
    return [
        Column(
            f"{column.title} {symbol}" if index == sorted_by else column.title,
            column.width,
            column.flex,
            column.rank,
            column.room,
        )
        for index, column in enumerate(_COLUMNS)
    ]


@dataclass(frozen=True, slots=True)
class RunSource:
    """One filter in one order. `known` gets every run that is read, the last ones of them."""

    runs: Runs
    filters: RunFilter
    sort: RunSort
    now: Callable[[], datetime]
    known: dict[str, RunSummary]

    async def count(self) -> int:
        """How many runs the filter finds."""
        return await self.runs.count(self.filters)

    async def rows(self, start: int, stop: int) -> Sequence[Row]:
        """Rows of the runs at these places."""
        page = await self.runs.list(self.filters, sort=self.sort, limit=stop - start, offset=start)
        for run in page.items:
            self.known.pop(run.run_id, None)
            self.known[run.run_id] = run
        while len(self.known) > KEPT_RUNS:
            del self.known[next(iter(self.known))]
        now = self.now()
        return [run_row(run, now) for run in page.items] + [damaged_row(run) for run in page.unreadable]

    async def position(self, key: str) -> int | None:
        """Where a run is now."""
        return await self.runs.position(key, self.filters, sort=self.sort)


def damaged_row(run_id: str) -> Row:
    """A run that cannot be read, at the end of its page: it has its place among the others."""
    words = ("▲ damaged", run_id, "", "", "", "vasini doctor --deep", "", "", run_id)
    return Row(run_id, tuple(Cell(sanitize(word), Tone.BAD) for word in words))


def run_row(run: RunSummary, now: datetime) -> Row:
    """One run as a row."""
    label = run_label(run)
    waits, failed = run.waiting_for, run.error
    reason = waits.text if waits is not None else failed.code if failed is not None else ""
    tone = Tone.BAD if failed is not None and waits is None else Tone.PLAIN
    return Row(
        run.run_id,
        (
            Cell(label.text, label.tone),
            Cell(sanitize(f"{run.pack}/{run.flow}")),
            Cell(sanitize(run.subject or "")),
            Cell(sanitize(run.current_step or "")),
            Cell(sanitize(age(run.created_at, now)), Tone.QUIET),
            Cell(sanitize(reason), tone),
            Cell(sanitize(f"{short_number(run.tokens_used):>6}" if run.tokens_used else ""), Tone.QUIET),
            Cell(sanitize(run.requested_by), Tone.QUIET),
            Cell(sanitize(run.run_id), Tone.QUIET),
        ),
    )


def short_number(number: int) -> str:
    """In few characters: `812`, `1.2k`, `46k`, `3.1M`; never rounded up."""
    for power, unit in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            tenths = number // 10 ** (power - 1)
            return f"{tenths / 10:g}{unit}" if tenths < _TEN_UNITS else f"{tenths // 10}{unit}"
    return str(number)
