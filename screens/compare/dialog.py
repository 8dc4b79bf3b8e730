"""Which run to compare with: one of the newest of the same flow, or any by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from engine.contracts.runs.listed import RunFilter
from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import act
from screens.frame.inputs import SafeInput
from screens.frame.screen import Dialog, TooSmall
from screens.widgets.ages import age
from screens.widgets.plain import Plain
from screens.widgets.status_labels import Tone, run_label
from screens.widgets.tables.columns import Column
from screens.widgets.tables.line_table import LineTable
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from datetime import datetime

    from textual.app import ComposeResult

    from engine.contracts.runs.listed import RunSummary, RunView
    from screens.frame.console_state import ConsoleState

_MOST = 50
_COLUMNS = (
    Column("Status", 15),
    Column("Age", 6),
    Column("Requested by", 14, flex=1, rank=1),
    Column("Run", 26, flex=1),
)


class CompareDialog(Dialog[str]):
    """Asks which run to compare with: Enter takes the one under the cursor, or the id that was typed."""

    def __init__(self, state: ConsoleState, run: RunView) -> None:
        super().__init__()
        self._state, self._run = state, run

    def compose(self) -> ComposeResult:
        """Line to type an id into, runs to pick from."""
        with Vertical(classes="dialog -large"):
            yield Plain(sanitize(f"Compare {self._run.run_id} with"), classes="dialog-title")
            yield SafeInput(placeholder="the id of any run, or a part of it, then Enter", id="other")
            yield RowTable(_COLUMNS, id="others")
            yield Plain(classes="dialog-hint")
            yield KeyHint(
                "{list.down} {list.up} move   {list.open} compare   {screen.next} id or list   "
                "{dialog.close} close"
            )
        yield TooSmall()

    def on_mount(self) -> None:
        """The list has the keys."""
        self.query_one("#others").focus()
        act(self, self._load(), group="load")

    async def _load(self) -> None:
        run = self._run
        same = RunFilter(pack=run.pack, flow=run.flow, tenant=run.tenant)
        page = await self._state.engine.runs.list(same, limit=_MOST)
        now = self._state.now()
        rows = [_row(other, now) for other in page.items if other.run_id != run.run_id]
        self.query_one("#others", RowTable).show(rows)
        if not rows:
            self.query_one(".dialog-hint", Plain).show(sanitize("There is no other run of this flow."))
            self.query_one("#other").focus()

    @on(Input.Submitted, "#other")
    def _typed(self, message: Input.Submitted) -> None:
        if part := message.value.strip():
            act(self, self._find(part), group="find")

    async def _find(self, part: str) -> None:
        self.dismiss(await self._state.engine.runs.find_id(part))

    @on(LineTable.Opened, "#others")
    def _picked(self, message: LineTable.Opened) -> None:
        self.dismiss(message.key)


def _row(run: RunSummary, now: datetime) -> Row:
    label = run_label(run)
    return Row(
        run.run_id,
        (
            Cell(label.text, label.tone),
            Cell(sanitize(age(run.created_at, now)), Tone.QUIET),
            Cell(sanitize(run.requested_by)),
            Cell(sanitize(run.run_id), Tone.QUIET),
        ),
    )
