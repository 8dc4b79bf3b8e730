"""The forms: every run that waits for input, oldest first. Enter opens one to fill it in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical

from engine.safe_text import sanitize
from screens.frame.bars.key_bar import NEEDS_A_ROW, KeyBar
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import console
from screens.frame.screen import ConsoleScreen
from screens.keys.bindings import bindings
from screens.widgets.ages import age, expiry, full_time
from screens.widgets.plain import NOTHING, Plain
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Cut, Row

if TYPE_CHECKING:
    from datetime import datetime

    from textual.app import ComposeResult

    from engine.contracts.runs.request import FormView as FormRequest
    from screens.frame.console_state import ConsoleState

PAGE = 200
MOST = 1_000
"""Forms that the list holds at most: the oldest."""

_COLUMNS = (
    Column("Title", 26, flex=4),
    Column("Subject", 10, flex=2, rank=1),
    Column("Flow", 14, flex=2, cut=Cut.PACK),
    Column("Age", 6),
    Column("Draft", 8),
    Column("Requested by", 12, flex=1, rank=2),
    Column("Run", 26, rank=3),
)
_EMPTY = "No form waits.\n\nA run that asks for input appears here at once.\n{app.runs} shows the runs."


class FormsScreen(ConsoleScreen):
    """All forms that wait for an answer; Enter opens one."""

    BINDINGS = bindings("run.logs")
    view = "forms"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._forms: dict[str, FormRequest] = {}
        self._more = False

    def body(self) -> ComposeResult:
        """The list, and what the form under the cursor asks."""
        yield RowTable(_COLUMNS, id="forms")
        with Vertical(id="empty"):
            yield KeyHint(_EMPTY, classes="empty-text")
        yield Plain(id="about")

    def on_mount(self) -> None:
        """Nothing is shown before the first load."""
        super().on_mount()
        self.query_one("#empty").display = False
        self.query_one("#forms").focus()

    def copied_id(self) -> str:
        """The request id, which `vasini answer --form` takes."""
        return self.query_one("#forms", RowTable).cursor_key

    async def load(self) -> None:
        """Forms that wait."""
        self._forms = {form.request_id: form for form in await self._waiting()}
        for request_id in self._forms.keys() - self.state.drafted.keys():
            draft = await self.state.engine.drafts.get(self.state.actor.name, request_id)
            self.state.drafted.setdefault(request_id, draft is not None)
        self._draw_rows()
        empty = not self._forms
        self.query_one("#empty").display = empty
        self.query_one("#forms").set_class(empty, "-empty")
        self.query_one(KeyBar).leave_out(NEEDS_A_ROW if empty else frozenset())
        self._draw_about()
        self.ages_of([form.requested_at for form in self._forms.values()])

    async def _waiting(self) -> list[FormRequest]:
        """The oldest `MOST` that wait."""
        found: list[FormRequest] = []
        after: str | None = None
        self._more = True
        while self._more and len(found) < MOST:
            page = await self.state.engine.requests.forms(tenant=self.state.tenant, limit=PAGE, after=after)
            found += page.items
            self.leaves_out(page.unreadable)
            after = page.next
            self._more = after is not None
        return found

    def tick(self) -> None:
        """Ages again."""
        self._draw_rows()

    def action_logs(self) -> None:
        """The run that asks."""
        form = self._forms.get(self.copied_id())
        if form is not None:
            console(self).open_run(form.run_id, pane="log")

    @on(RowTable.Opened, "#forms")
    def _open(self, message: RowTable.Opened) -> None:
        form = self._forms.get(message.key)
        if form is not None:
            console(self).open_form(form)

    @on(RowTable.Highlighted, "#forms")
    def _highlighted(self) -> None:
        self._draw_about()

    def _draw_rows(self) -> None:
        now = self.state.now()
        rows = [
            _row(form, now, self.state.drafted.get(form.request_id, False)) for form in self._forms.values()
        ]
        self.query_one("#forms", RowTable).show(rows)

    def _draw_about(self) -> None:
        form = self._forms.get(self.copied_id())
        about = self.query_one("#about", Plain)
        if form is None:
            about.show(NOTHING)
        else:
            expires = f" · {expiry(form.expires_at, form.expires_with)}" if form.expires_at else ""
            note = f" · {form.note}" if form.note else ""
            words = f"{form.prompt}{note} · run {form.run_id} · {full_time(form.requested_at)}{expires}"
            more = f"the {MOST:,} oldest, more wait · " if self._more else ""
            about.show((sanitize(more), "$waiting"), (sanitize(words, limit=400), "$quiet"))


def _row(form: FormRequest, now: datetime, has_draft: bool) -> Row:
    return Row(
        form.request_id,
        (
            Cell(sanitize(form.title)),
            Cell(sanitize(form.subject or "")),
            Cell(sanitize(f"{form.pack}/{form.flow}")),
            Cell(sanitize(age(form.requested_at, now)), Tone.QUIET),
            Cell(sanitize("✎ draft" if has_draft else ""), Tone.WAITING),
            Cell(sanitize(form.requested_by), Tone.QUIET),
            Cell(sanitize(form.run_id), Tone.QUIET),
        ),
    )
