"""The palette: every action of the screen by name, with its key and its command-line form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.fuzzy import FuzzySearch
from textual.widgets import Input

from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.bound_actions import BoundAction
from screens.frame.inputs import SafeInput
from screens.frame.screen import Dialog, TooSmall, too_small
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from screens.keys.action import Action

_COLUMNS = (Column("Action", 12, flex=1), Column("Key", 12), Column("Command line", 26, flex=3))

_NO_MATCH = "No action matches. Type fewer letters; an action of another screen is listed there."


class PaletteScreen(Dialog[BoundAction]):
    """All actions by name: type to narrow, ↓ ↑ to move, Enter to do."""

    BINDINGS = bindings("palette.")

    def __init__(self, actions: list[BoundAction]) -> None:
        super().__init__()
        self._search = FuzzySearch()
        self._actions = {bound.action.id: bound for bound in actions}

    def compose(self) -> ComposeResult:
        """Line to type into, entries."""
        with Vertical(classes="dialog -large"):
            yield SafeInput(placeholder="type a name: approvals, cancel, log …", id="wanted")
            yield RowTable(_COLUMNS, id="entries")
            yield Plain(sanitize(_NO_MATCH), id="no-match", classes="dialog-hint")
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
        words = wanted.lower().strip()
        ranked = [(_rank(bound.action, words, self._search), bound) for bound in self._actions.values()]
        ranked.sort(key=lambda found: -found[0])
        table = self.query_one("#entries", RowTable)
        rows = [_row(bound) for rank, bound in ranked if rank > 0]
        table.show(rows)
        self.query_one("#no-match").display = not rows
        table.action_cursor_top()


def _rank(entry: Action, words: str, search: FuzzySearch) -> float:
    """How well it matches: a name that begins as typed, then every word anywhere, then letters in order."""
    if not words:
        return 1
    if entry.title.lower().startswith(words):
        return 3000 - len(entry.title)
    if "." in words and entry.id.startswith(words):
        return 2500
    text = f"{entry.title} {entry.help} {entry.cli}".lower()
    if all(word in text for word in words.split()):
        return 2000
    letters = words.replace(" ", "")
    return max(search.match(letters, name)[0] for name in (entry.title, entry.id))


def _row(bound: BoundAction) -> Row:
    entry = bound.action
    cells = (
        Cell(sanitize(entry.title)),
        Cell(sanitize(entry.keys), Tone.WAITING),
        Cell(sanitize(entry.cli), Tone.QUIET),
    )
    return Row(entry.id, cells)
