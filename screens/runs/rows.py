"""The rows of the runs list, read from the engine by place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from engine.contracts.governing.money import short_dollars
from engine.contracts.runs.listed import RunSort
from engine.contracts.status import StepErrorCode, WaitKind
from engine.safe_text import sanitize
from screens.widgets.ages import age, list_time, span
from screens.widgets.numbers import short_number
from screens.widgets.status_labels import Tone, run_label
from screens.widgets.tables.columns import Column
from screens.widgets.tables.rows import Cell, Cut, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.contracts.runs.listed import RunError, RunFilter, RunSummary, WaitingFor
    from engine.facade.runs import Runs
    from screens.runs.folding import Unfolded

KEPT_RUNS = 4_096

_SAID_BY_STATUS = frozenset({StepErrorCode.APPROVAL_REJECTED, StepErrorCode.CANCELLED})

SORTS: dict[RunSort, tuple[str, int, str]] = {
    RunSort.NEWEST: ("newest first", 4, "▼"),
    RunSort.OLDEST: ("oldest first", 4, "▲"),
    RunSort.STATUS: ("by status", 0, "▲"),
    RunSort.FLOW: ("by flow", 1, "▲"),
    RunSort.REQUESTER: ("by requester", 9, "▲"),
}
"""Words of every order, the column that carries its symbol, and the symbol."""

_COLUMNS = (
    Column("Status", 15),
    Column("Flow", 17, flex=4, cut=Cut.PACK),
    Column("Subject", 14, flex=6, rank=1),
    Column("Step", 12, flex=2, rank=3),
    Column("Age", 6),
    Column("Took", 6, rank=2),
    Column("Waiting for", 14, flex=1),
    Column("Tokens", 7, rank=4),
    Column("Cost", 9, rank=5),
    Column("By", 10, flex=1, rank=4),
    Column("Autonomy", 12, rank=6),
    Column("Run", 30, rank=6, room=30),
)


def columns(sort: RunSort) -> list[Column]:
    """The columns, with the symbol of the order."""
    _, sorted_by, symbol = SORTS[sort]
    made = list(_COLUMNS)
    made[sorted_by] = replace(made[sorted_by], title=f"{made[sorted_by].title} {symbol}")
    return made


@dataclass(frozen=True, slots=True)
class RunSource:
    """One filter in one order. `known` gets every run that is read, the last ones of them."""

    runs: Runs
    filters: RunFilter
    sort: RunSort
    now: Callable[[], datetime]
    known: dict[str, RunSummary]
    unfolded: Unfolded

    async def count(self) -> int:
        """How many runs the filter finds, with those that are unfolded below them."""
        await self.unfolded.look()
        return await self.runs.count(self.filters) + self.unfolded.length

    async def rows(self, start: int, stop: int) -> Sequence[Row]:
        """Rows of the runs at these places."""
        found: list[Row] = []
        for piece in self.unfolded.pieces(start, stop):
            if isinstance(piece, range):
                found += await self._listed(piece)
            else:
                found += [self.row(self._keep(nested.run)) for nested in piece]
        return found

    async def _listed(self, places: range) -> Sequence[Row]:
        page = await self.runs.list(self.filters, sort=self.sort, limit=len(places), offset=places.start)
        rows = [self.row(self._keep(run)) for run in page.items]
        return rows + [damaged_row(run) for run in page.unreadable]

    def _keep(self, run: RunSummary) -> RunSummary:
        self.known.pop(run.run_id, None)
        self.known[run.run_id] = run
        while len(self.known) > KEPT_RUNS:
            del self.known[next(iter(self.known))]
        return run

    def row(self, run: RunSummary) -> Row:
        """A run as it is shown now."""
        depth = self.unfolded.depth(run.run_id) or int(run.parent_run_id is not None)
        return run_row(run, self.now(), depth=depth, below=self.unfolded.shown_below(run))

    async def position(self, key: str) -> int | None:
        """Where a run is now."""
        below = self.unfolded.row_below(key)
        if below is not None:
            return below
        place = await self.runs.position(key, self.filters, sort=self.sort)
        return None if place is None else self.unfolded.row_of(place)


def damaged_row(run_id: str) -> Row:
    """A run that cannot be read, at the end of its page: it has its place among the others."""
    words = ("▲ damaged", run_id, "", "", "", "", "vasini doctor --deep", "", "", "", "", run_id)
    return Row(run_id, tuple(Cell(sanitize(word), Tone.BAD) for word in words))


def run_row(run: RunSummary, now: datetime, *, depth: int = 0, below: str = "") -> Row:
    """One run as a row, so many levels below one that is listed; `below` tells of the runs it started."""
    label = run_label(run)
    waits, failed = run.waiting_for, run.error
    reason = _waits(waits, now) if waits is not None else _why(failed)
    tone = Tone.BAD if failed is not None and waits is None else Tone.PLAIN
    return Row(
        run.run_id,
        (
            Cell(label.text, label.tone),
            Cell(sanitize(f"{'  ' * (depth - 1)}{'↳ ' if depth else ''}{below}{run.pack}/{run.flow}")),
            Cell(sanitize(run.subject or "")),
            Cell(sanitize(run.current_step or "")),
            Cell(sanitize(age(run.created_at, now)), Tone.QUIET),
            Cell(sanitize(span(run.started_at, run.finished_at)), Tone.QUIET),
            Cell(sanitize(reason), tone),
            Cell(sanitize(f"{short_number(run.tokens_used):>6}" if run.tokens_used else ""), Tone.QUIET),
            Cell(sanitize(_cost(run)), Tone.QUIET),
            Cell(sanitize(run.requested_by), Tone.QUIET),
            Cell(sanitize(run.autonomy_level or ""), Tone.QUIET),
            Cell(sanitize(run.run_id), Tone.QUIET),
        ),
    )


def _cost(run: RunSummary) -> str:
    """What its models cost; a question mark where that is not known of some of their calls."""
    known = short_dollars(run.cost) if run.cost else ""
    unknown = "?" if run.unpriced_calls else ""
    text = "+".join(filter(None, (known, unknown)))
    return f"{text:>8}" if text else ""


def _why(failed: RunError | None) -> str:
    """Why a run failed; nothing where its status has just said that."""
    return failed.code if failed is not None and failed.code not in _SAID_BY_STATUS else ""


def _waits(waits: WaitingFor, now: datetime) -> str:
    if waits.kind is WaitKind.MOMENT and waits.id is not None:
        return f"until {list_time(datetime.fromisoformat(waits.id), now)}"
    return waits.text
