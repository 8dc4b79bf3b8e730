"""Interrupted calls that wait for a person's word: a short list above the approvals, while any waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical

from engine.safe_text import sanitize
from screens.outcomes.saying import ask_what_became
from screens.widgets.ages import age
from screens.widgets.plain import Plain
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Cut, Row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from textual.app import ComposeResult

    from engine.contracts.runs.request import OutcomeView
    from screens.frame.console_state import ConsoleState

MOST = 200
_TITLE = "Interrupted: what became of these calls? {list.open} says; {screen.next} goes on"
_COLUMNS = (
    Column("Interrupted call", 20, flex=3),
    Column("Step", 12, flex=2, rank=1),
    Column("Flow", 12, flex=2, rank=2, cut=Cut.PACK),
    Column("Age", 6),
)


class WaitingOutcomes(Vertical):
    """The calls, oldest first. `act` does what an operator asked for."""

    def __init__(self, state: ConsoleState, act: Callable[[Awaitable[object]], None]) -> None:
        super().__init__(id="waiting-outcomes")
        self._state = state
        self._act = act
        self._views: dict[str, OutcomeView] = {}

    def compose(self) -> ComposeResult:
        """What the list is, and the list."""
        yield Plain(classes="outcomes-title")
        yield RowTable(_COLUMNS, id="outcomes")

    def on_mount(self) -> None:
        """Nothing is shown before the first load."""
        self.display = False

    @property
    def table(self) -> RowTable:
        """The calls."""
        return self.query_one("#outcomes", RowTable)

    @property
    def current(self) -> OutcomeView | None:
        """The call under the cursor."""
        return self._views.get(self.table.cursor_key)

    async def load(self) -> Sequence[str]:
        """Read those that wait; the ids of those that are damaged."""
        page = await self._state.engine.requests.outcomes(tenant=self._state.tenant, limit=MOST)
        self._views = {view.request_id: view for view in page.items}
        self.display = bool(self._views)
        more = f" · the {MOST} oldest, more wait" if page.next is not None else ""
        self.query_one(".outcomes-title", Plain).show(
            self._state.keymap.fill(_TITLE), (sanitize(more), "$waiting")
        )
        self.tick()
        return page.unreadable

    def point_at(self, request_id: str) -> bool:
        """Put the cursor on this one; False when it is not here."""
        if not self.table.move_to(request_id):
            return False
        self.table.focus()
        return True

    def tick(self) -> None:
        """Ages again."""
        now = self._state.now()
        self.table.show([_row(view, now) for view in self._views.values()])

    def moments(self) -> list[datetime]:
        """What their ages count from."""
        return [view.requested_at for view in self._views.values()]

    @on(RowTable.Opened, "#outcomes")
    def _opened(self, message: RowTable.Opened) -> None:
        message.stop()
        view = self._views.get(message.key)
        if view is not None:
            ask_what_became(self, self._state, view, self._act)


def _row(view: OutcomeView, now: datetime) -> Row:
    return Row(
        view.request_id,
        (
            Cell(sanitize(f"? {view.action.target or view.action.kind}", limit=200), Tone.WAITING),
            Cell(sanitize(view.step_id)),
            Cell(sanitize(f"{view.pack}/{view.flow}"), Tone.QUIET),
            Cell(sanitize(age(view.requested_at, now)), Tone.QUIET),
        ),
    )
