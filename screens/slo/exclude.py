"""The question which failed runs of a pack do not count for its service level, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from textual.containers import Vertical

from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RunStatus
from engine.facade.pages import every_page
from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import act
from screens.frame.inputs import SafeInput
from screens.frame.screen import Dialog, TooSmall
from screens.keys.bindings import bindings
from screens.widgets.ages import age
from screens.widgets.plain import Plain
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Cut, Row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from textual.app import ComposeResult

    from engine.contracts.runs.listed import RunSummary
    from engine.facade.engine import Engine
    from engine.facade.levels import LevelSummary
    from screens.frame.console_state import ConsoleState

_COLUMNS = (
    Column("Ended", 7),
    Column("Error", 16, flex=1),
    Column("Flow", 12, flex=1, cut=Cut.PACK),
    Column("Run", 14, flex=2),
)
MOST_REASON = 500
AT_ONCE = 200
"""Runs that are listed, the newest."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """These runs, because of that."""

    run_ids: tuple[str, ...]
    reason: str


def excluded_words(done: int, before: int, failures: Sequence[str] = ()) -> str:
    """What came of it: `done` were excluded, `before` had been already, by somebody else; the rest failed."""
    words = [f"{done:,} runs do not count"] if done > 1 else ["1 run does not count"] if done else []
    if before:
        words.append(f"{before:,} did not count already: the first reason stays")
    if failures:
        words.append(f"{len(failures):,} could not be excluded: {failures[0]}")
    return "; ".join(words)


class ExcludeDialog(Dialog[Exclusion]):
    """Returns the marked runs, or the one under the cursor, with the reason. Enter decides nothing."""

    BINDINGS = bindings("exclude.", "dialog.confirm")

    def __init__(self, state: ConsoleState, engine: Engine, level: LevelSummary) -> None:
        super().__init__()
        self._engine = engine
        self._state = state
        self._level = level

    def compose(self) -> ComposeResult:
        """The runs that failed, and a line for the reason."""
        days = f"{self._level.window_days} days" if self._level.window_days > 1 else "day"
        with Vertical(classes="dialog"):
            title = f"Failed runs of {self._level.pack} in the last {days} that count"
            yield Plain(sanitize(title), classes="dialog-title")
            yield RowTable(_COLUMNS, id="failed")
            yield Plain(classes="dialog-hint")
            yield SafeInput(placeholder="why they were no fault of the pack", id="reason")
            yield KeyHint(
                "{exclude.mark} mark   {screen.next} reason   {dialog.confirm} exclude   {dialog.close} close"
            )
        yield TooSmall()

    def on_mount(self) -> None:
        """List them."""
        self.query_one("#failed").focus()
        act(self, self._list())

    def action_mark(self) -> None:
        """Mark the run, or take its mark away."""
        self.query_one("#failed", RowTable).toggle_selected()

    def action_confirm(self) -> None:
        """Close with what was chosen."""
        table = self.query_one("#failed", RowTable)
        reason = self.query_one("#reason", SafeInput).value.strip()
        chosen = tuple(row.key for row in table.rows if row.key in table.selected)
        chosen = chosen or ((table.cursor_key,) if table.cursor_key else ())
        if not chosen:
            self.hint("There is no run to exclude")
        elif not reason:
            self.hint("Say why: it stands in the history of the run")
            self.query_one("#reason").focus()
        elif len(reason) > MOST_REASON:
            self.hint(f"At most {MOST_REASON} characters")
        else:
            self.dismiss(Exclusion(chosen, reason))

    async def _list(self) -> None:
        now = self._state.now()
        wanted = RunFilter(
            pack=self._level.pack,
            tenant=self._level.tenant,
            status=(RunStatus.FAILED, RunStatus.DEAD_LETTER),
            rejected=False,
            nested=False,
            ended_after=now - timedelta(days=self._level.window_days),
        )
        counted: list[RunSummary] = []
        runs = self._engine.runs
        async for page in every_page(lambda after: runs.list(wanted, limit=AT_ONCE, after=after)):
            counted += (run for run in page.items if run.excluded is None)
            if len(counted) > AT_ONCE:
                break
        self.query_one("#failed", RowTable).show([_row(run, now) for run in counted[:AT_ONCE]])
        if not counted:
            self.hint("None: they were excluded, or are not kept any more")
        elif len(counted) > AT_ONCE:
            self.hint(f"These are the newest {AT_ONCE}: the others stand here once these are excluded")


def _row(run: RunSummary, now: datetime) -> Row:
    return Row(
        run.run_id,
        (
            Cell(sanitize(age(run.finished_at, now) if run.finished_at is not None else ""), Tone.QUIET),
            Cell(sanitize(run.error.code if run.error is not None else "", limit=60), Tone.BAD),
            Cell(sanitize(run.flow, limit=60)),
            Cell(sanitize(run.subject or run.run_id, limit=120), Tone.QUIET),
        ),
    )
