"""The palette: every action of the screen by name, with its key and its command-line form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from engine.safe_text import sanitize
from screens.actions import bindings
from screens.columns import Column
from screens.inputs import SafeInput
from screens.key_hint import KeyHint
from screens.key_list import BoundAction
from screens.row_table import Cell, Row, RowTable
from screens.shell import Dialog, TooSmall, too_small
from screens.status_words import Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult

_COLUMNS = (Column("Action", 14, flex=1), Column("Key", 12), Column("Command line", 26, flex=3))


class PaletteScreen(Dialog[BoundAction]):
    """Type to narrow, ↓ ↑ to move, Enter to do."""

    BINDINGS = bindings("palette.")

    def __init__(self, actions: list[BoundAction]) -> None:
        super().__init__()
        self._actions = {bound.action.id: bound for bound in actions}

    def compose(self) -> ComposeResult:
        """Line to type into, entries."""
        with Vertical(classes="dialog -large"):
            yield SafeInput(placeholder="type a name: approvals, cancel, log …", id="wanted")
            yield RowTable(_COLUMNS, id="entries")
            yield KeyHint("{palette.down} {palette.up} move   Enter do it   {dialog.close} close")
        yield TooSmall()

    def on_mount(self) -> None:
        """All entries; typing narrows them."""
        self._draw("")
        self.query_one("#wanted").focus()

    def action_down(self) -> None:
        """Next entry, while typing."""
        self.query_one("#entries", RowTable).action_cursor_down()

    def action_up(self) -> None:
        """Previous entry, while typing."""
        self.query_one("#entries", RowTable).action_cursor_up()

    @on(Input.Changed, "#wanted")
    def _narrow(self, message: Input.Changed) -> None:
        self._draw(message.value)

    @on(Input.Submitted, "#wanted")
    @on(RowTable.Opened, "#entries")
    def _do(self) -> None:
        bound = self._actions.get(self.query_one("#entries", RowTable).cursor_key)
        if bound is not None and not too_small(self):
            self.dismiss(bound)

    def _draw(self, wanted: str) -> None:
        words = wanted.lower().split()
        rows = [_row(bound) for bound in self._actions.values() if _matches(bound, words)]
        # A name that begins as typed comes first, so that ":approvals" and Enter goes there.
        rows.sort(key=lambda row: not row.cells[0].text.lower().startswith(wanted.lower()))
        table = self.query_one("#entries", RowTable)
        table.show(rows)
        table.action_cursor_top()


def _matches(bound: BoundAction, words: list[str]) -> bool:
    entry = bound.action
    text = f"{entry.title} {entry.help} {entry.cli}".lower()
    return all(word in text for word in words)


def _row(bound: BoundAction) -> Row:
    entry = bound.action
    cells = (
        Cell(sanitize(entry.title)),
        Cell(sanitize(entry.keys), Tone.WAITING),
        Cell(sanitize(entry.cli), Tone.QUIET),
    )
    return Row(entry.id, cells)
