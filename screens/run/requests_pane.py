"""The requests pane: what the run has asked people, and what they answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from engine.contracts.runs.request import ApprovalView, FormView, OutcomeView
from engine.contracts.status import RequestStatus
from engine.safe_text import sanitize
from screens.frame.console import console
from screens.frame.screen import ConsoleScreen
from screens.outcomes.saying import ask_what_became
from screens.run.pane import RunMoment, RunPane
from screens.widgets.ages import age
from screens.widgets.plain import Plain
from screens.widgets.status_labels import REQUEST_LABELS, RISK_LABELS, Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.line_table import LineTable
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.widget import Widget

    from screens.frame.console_state import ConsoleState

Request = ApprovalView | FormView | OutcomeView

_MOST = 200
_EMPTY = "This run has asked nobody."
_COLUMNS = (
    Column("Status", 12),
    Column("Asks for", 8),
    Column("Title", 20, flex=4),
    Column("Risk", 10, rank=2),
    Column("Age", 6, rank=1),
    Column("Answered by", 12, flex=1),
)


class RequestsPane(RunPane):
    """What the run asks people, oldest first; Enter opens what waits, and shows what was decided."""

    title = "Requests"

    def __init__(self, state: ConsoleState, run_id: str, *, id: str) -> None:
        super().__init__(state, run_id, id=id)
        self._requests: dict[str, Request] = {}

    def compose(self) -> ComposeResult:
        """One list."""
        yield RowTable(_COLUMNS, id="request-list")
        yield Plain(sanitize(_EMPTY), id="no-requests", classes="pane-empty")
        yield Plain(id="more-requests")

    def on_mount(self) -> None:
        """Nothing is said before the first load."""
        self.query_one("#no-requests").display = False
        self.query_one("#more-requests").display = False

    @property
    def table(self) -> RowTable:
        """The requests."""
        return self.query_one("#request-list", RowTable)

    async def load(self, moment: RunMoment) -> None:
        """All kinds together."""
        found: list[Request]
        damaged: list[str] = []
        more = False
        if moment.past:
            detail = moment.past.detail
            found = [*detail.approvals, *detail.forms, *detail.outcomes]
        else:
            requests = self.state.engine.requests
            approvals = await requests.approvals(status=None, run_id=self.run_id, limit=_MOST)
            forms = await requests.forms(status=None, run_id=self.run_id, limit=_MOST)
            outcomes = await requests.outcomes(status=None, run_id=self.run_id, limit=_MOST)
            found = [*approvals.items, *forms.items, *outcomes.items]
            more = any(page.next is not None for page in (approvals, forms, outcomes))
            damaged = [one for page in (approvals, forms, outcomes) for one in page.unreadable]
            if isinstance(self.screen, ConsoleScreen):
                self.screen.leaves_out(damaged)
        found.sort(key=lambda request: request.requested_at)
        self._requests = {_id_of(request): request for request in found}
        self.query_one("#no-requests").display = not found and not damaged
        self.table.set_class(not found, "-empty")
        line = self.query_one("#more-requests", Plain)
        line.display = more
        words = f" Only the first {_MOST} of each kind are here: `vasini show {self.run_id}` has all"
        line.show((sanitize(words), "$waiting"))
        self.tick(self.state.now())

    def tick(self, now: datetime) -> None:
        """Ages again."""
        self.table.show([_row(request, now) for request in self._requests.values()])

    def moments(self, now: datetime) -> list[datetime]:
        """Ages of all requests."""
        return [request.requested_at for request in self._requests.values()]

    def target(self) -> Widget:
        """The list."""
        return self.table

    def copied(self) -> str:
        """The id of the request under the cursor."""
        return self.table.cursor_key

    @on(LineTable.Opened, "#request-list")
    def _opened(self, message: LineTable.Opened) -> None:
        request = self._requests.get(message.key)
        if request is None:
            return
        if request.status is not RequestStatus.PENDING or self.past is not None:
            words = f"{REQUEST_LABELS[request.status].word} · {title_of(request)}"
            values = request.model_dump(mode="json", by_alias=True, exclude_none=True)
            self.show_values(words, {"request": values})
        elif isinstance(request, ApprovalView):
            console(self).show_in("approvals", request.approval_id)
        elif isinstance(request, OutcomeView):
            ask_what_became(self, self.state, request, self.act)
        else:
            console(self).open_form(request)


def title_of(request: Request) -> str:
    """What it asks for, on one line."""
    if isinstance(request, OutcomeView):
        return f"What became of {request.action.target or request.step_id}?"
    return request.title


def kind_of(request: Request) -> str:
    """Of which kind it is, in a word."""
    if isinstance(request, ApprovalView):
        return "approval"
    return "outcome" if isinstance(request, OutcomeView) else "form"


def _id_of(request: Request) -> str:
    """The id of a request."""
    return request.approval_id if isinstance(request, ApprovalView) else request.request_id


def _row(request: Request, now: datetime) -> Row:
    label = REQUEST_LABELS[request.status]
    risk = Cell(sanitize(""))
    if isinstance(request, ApprovalView):
        of_risk = RISK_LABELS[request.risk]
        risk = Cell(of_risk.text, of_risk.tone)
    who = request.answered_by if isinstance(request, FormView) else request.decided_by
    return Row(
        _id_of(request),
        (
            Cell(label.text, label.tone),
            Cell(sanitize(kind_of(request)), Tone.QUIET),
            Cell(sanitize(title_of(request))),
            risk,
            Cell(sanitize(age(request.requested_at, now)), Tone.QUIET),
            Cell(
                sanitize(who or ("" if request.status is not RequestStatus.PENDING else "nobody yet")),
                Tone.QUIET,
            ),
        ),
    )
