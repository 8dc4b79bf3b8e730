"""When to cancel a run: after the step it is in, or at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical

from engine.contracts.status import CancelMode
from engine.safe_text import sanitize
from screens.frame.key_hint import KeyHint
from screens.frame.screen import Dialog, TooSmall, too_small
from screens.widgets.plain import Plain
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from textual.app import ComposeResult

_CHOICES = {
    "": "Keep it running",
    CancelMode.BOUNDARY.value: "Cancel after this step",
    CancelMode.NOW.value: "Cancel now: stop the step's work at once",
}


class CancelMenu(Dialog[CancelMode]):
    """Asks how a run is cancelled: a list of three whose first row changes nothing. Enter chooses."""

    def __init__(self, formatted_run: str) -> None:
        super().__init__()
        self._formatted_run = formatted_run

    def compose(self) -> ComposeResult:
        """The run, the choices."""
        with Vertical(classes="dialog"):
            yield Plain(sanitize("Cancel?"), classes="dialog-title")
            yield Plain(sanitize(self._formatted_run), classes="dialog-text")
            yield RowTable([Column("When", 30, flex=1)], id="choices")
            yield KeyHint("{list.open} choose   {dialog.close} close")
        yield TooSmall()

    def on_mount(self) -> None:
        """Show the choices."""
        choices = self.query_one("#choices", RowTable)
        choices.show([Row(key, (Cell(sanitize(words)),)) for key, words in _CHOICES.items()])
        choices.focus()

    @on(RowTable.Opened)
    def _choose(self, message: RowTable.Opened) -> None:
        if not too_small(self):
            self.dismiss(CancelMode(message.key) if message.key else None)
