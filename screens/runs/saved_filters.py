"""Filters of the runs list that the operator gave a name: pick one, save the present one, delete one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from engine.contracts.notes import SavedFilter
from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import act
from screens.frame.inputs import SafeInput
from screens.frame.screen import Dialog, TooSmall, too_small
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from textual.app import ComposeResult

    from screens.frame.console_state import ConsoleState

_COLUMNS = (Column("Name", 18, flex=1), Column("Filter", 30, flex=2))
_NAME_LIMIT, _TEXT_LIMIT = 60, 500


class SavedFiltersDialog(Dialog[str]):
    """Returns the text of the filter that was picked."""

    BINDINGS = bindings("saved.")

    def __init__(self, state: ConsoleState, typed: str) -> None:
        super().__init__()
        self._state = state
        self._typed = typed
        self._filters: dict[str, SavedFilter] = {}

    def compose(self) -> ComposeResult:
        """The filters; with a filter in force, a line for its name."""
        with Vertical(classes="dialog"):
            yield Plain(sanitize("Saved filters"), classes="dialog-title")
            yield RowTable(_COLUMNS, id="saved")
            yield Plain(classes="dialog-hint")
            if self._typed:
                yield Plain(sanitize(f"Save this one: {self._typed}", limit=200), id="present")
                yield SafeInput(placeholder="a name, then Enter", id="name")
            name = "{screen.next} name   " if self._typed else ""
            yield KeyHint(f"{{list.open}} use   {{saved.delete}} delete   {name}{{dialog.close}} close")
        yield TooSmall()

    def on_mount(self) -> None:
        """List what there is; the line for the name comes first while there is nothing to pick."""
        self._do(self._start())

    def action_delete(self) -> None:
        """Delete the filter under the cursor; the hint keeps its text."""
        if saved := self._filters.get(self.query_one("#saved", RowTable).cursor_key):
            self._do(self._drop(saved))

    @on(RowTable.Opened, "#saved")
    def _pick(self, message: RowTable.Opened) -> None:
        if not too_small(self):
            self.dismiss(self._filters[message.key].text)

    @on(Input.Submitted, "#name")
    def _name_given(self, message: Input.Submitted) -> None:
        name = message.value.strip()
        if not name:
            self.hint("The filter needs a name")
        elif len(name) > _NAME_LIMIT or len(self._typed) > _TEXT_LIMIT:
            self.hint(f"At most {_NAME_LIMIT} characters of name and {_TEXT_LIMIT} of filter are kept")
        else:
            self._do(self._save(SavedFilter(name=name, text=self._typed)))

    def _do(self, work: Awaitable[None]) -> None:
        act(self, work, group="saved")

    async def _start(self) -> None:
        await self._list()
        self.query_one("#name" if self._typed and not self._filters else "#saved").focus()

    async def _save(self, saved: SavedFilter) -> None:
        known = saved.name in self._filters
        await self._state.engine.saved_filters.save(self._state.actor.name, saved)
        await self._list()
        self.hint(f"{'Replaced' if known else 'Saved'} {saved.name}")
        self.query_one("#name", SafeInput).value = ""
        table = self.query_one("#saved", RowTable)
        table.move_to(saved.name)
        table.focus()

    async def _drop(self, saved: SavedFilter) -> None:
        await self._state.engine.saved_filters.drop(self._state.actor.name, saved.name)
        await self._list()
        self.hint(f"Deleted {saved.name}: {saved.text}")

    async def _list(self) -> None:
        saved = await self._state.engine.saved_filters.list(self._state.actor.name)
        self._filters = {each.name: each for each in saved}
        rows = [
            Row(each.name, (Cell(sanitize(each.name)), Cell(sanitize(each.text), Tone.QUIET)))
            for each in saved
        ]
        self.query_one("#saved", RowTable).show(rows)
        if not saved:
            words = "" if self._typed else ": {runs.filter} and type a filter, then {runs.saved} saves it"
            self.hint_keys(f"None yet{words}")
