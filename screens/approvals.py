"""The approvals: those that wait, oldest first, and the decision card of the one under the cursor.

Rules of safe decisions: a key decides only what has been on the screen for the time of grace, Enter
and Esc never decide, high risk asks for a typed word, and a decision carries the digest of the card.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual import events, on
from textual.containers import Container, Vertical

from engine.contracts.status import RequestStatus
from engine.errors import AlreadyDecided, VasiniError
from engine.safe_text import sanitize
from screens.actions import bindings
from screens.columns import Column
from screens.decision_card import NEEDS_WORD, DecisionCard, decided_words
from screens.decision_dialogs import CommentDialog, DecisionDialog, TypedWordDialog
from screens.decision_gate import DecisionGate, Token
from screens.desk import Desk, explain
from screens.moments import age, full_time
from screens.plain import NOTHING, Plain
from screens.row_table import Cell, Row, RowTable
from screens.shell import ConsoleScreen, console, tell, too_small
from screens.status_words import REQUEST_MARKS, RISK_MARKS, Tone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from textual.app import ComposeResult

    from engine.contracts.request import ApprovalView, DecisionView

PAGE = 200

_COLUMNS = (
    Column("Risk", 10),
    Column("Title", 14, flex=3),
    Column("Flow", 12, flex=2, rank=1),
    Column("Age", 6),
    Column("Status", 10, rank=2),
)
_EMPTY = "No approval waits.\n\nA run that asks for one appears here at once.\nPress 1 for the runs."


class ApprovalsScreen(ConsoleScreen):
    """List and card."""

    BINDINGS = bindings("approvals.", "run.logs")
    view = "approvals"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._views: dict[str, ApprovalView] = {}
        self._card: ApprovalView | None = None
        self._wanted = ""
        self._dialog: DecisionDialog | None = None
        self.gate = DecisionGate(desk.clock, desk.grace)

    def body(self) -> ComposeResult:
        """List and card beside or under each other, and what the last key did."""
        with Container(id="desk"):
            yield RowTable(_COLUMNS, id="approvals")
            yield DecisionCard(self.desk, id="card")
        with Vertical(id="empty"):
            yield Plain(sanitize(_EMPTY, multiline=True), classes="empty-text")
        yield Plain(id="hint")

    def on_mount(self) -> None:
        """Nothing is shown before the first load."""
        super().on_mount()
        self.query_one("#empty").display = False
        self.query_one("#approvals").focus()

    def on_screen_resume(self) -> None:
        """The card appears again: the grace begins again."""
        super().on_screen_resume()
        self._let_appear()

    def on_screen_suspend(self) -> None:
        """What nobody sees nobody decides."""
        super().on_screen_suspend()
        self.gate.close()

    def on_resize(self, _event: events.Resize) -> None:
        """The card is drawn anew."""
        self._let_appear()

    def copied_id(self) -> str:
        """The approval id."""
        return self._card.approval_id if self._card else ""

    def point_at(self, approval_id: str) -> None:
        """Put the cursor on this approval as soon as it is loaded."""
        self._wanted = approval_id
        self.refresher.ask()

    async def load(self) -> None:
        """What waits, and beside it what is under the cursor even when it was just decided."""
        requests = self.desk.engine.requests
        page = await requests.approvals(status=RequestStatus.PENDING, limit=PAGE)
        views = {view.approval_id: view for view in page.items if view.tenant == self.desk.tenant}
        for kept in {self._wanted, self._card.approval_id if self._card else ""} - {"", *views}:
            views[kept] = await requests.approval(kept)
        self._views = dict(sorted(views.items(), key=lambda item: (item[1].requested_at, item[0])))
        self._draw()

    def tick(self) -> None:
        """Ages again."""
        self._draw_rows()
        if self._card is not None:
            self.query_one("#card", DecisionCard).show_age(self._card)

    def action_approve(self) -> None:
        """Approve exactly what the card shows."""
        view = self._decidable()
        if view is None:
            return
        if view.risk in NEEDS_WORD:
            self._ask(TypedWordDialog(view), partial(self._send_approval, view))
        else:
            self._send_approval(view, "")

    def action_reject(self) -> None:
        """Ask for a comment, then reject."""
        view = self._decidable()
        if view is not None:
            self._ask(CommentDialog(view), partial(self._send_rejection, view))

    def action_logs(self) -> None:
        """The run that asks."""
        if self._card is not None:
            console(self).open_run(self._card.run_id, pane="log")

    def action_back(self) -> None:
        """From the card to the list; never decides."""
        self.query_one("#approvals").focus()

    @on(RowTable.Highlighted, "#approvals")
    def _highlighted(self, message: RowTable.Highlighted) -> None:
        if message.key != (self._card.approval_id if self._card else ""):
            self._show_card(self._views.get(message.key))
            # What was decided leaves the list once the cursor has left it.
            self._drop_decided()

    @on(RowTable.Opened, "#approvals")
    def _opened(self) -> None:
        self.query_one("#card").focus()

    def _decidable(self) -> ApprovalView | None:
        view = self._card
        if view is None:
            self._hint("There is nothing to decide.")
        elif view.status is not RequestStatus.PENDING:
            self._hint(f"This approval is {REQUEST_MARKS[view.status].word} already.")
        elif too_small(self) or not self._seen(view):
            self._hint("Not sent: the card had only just appeared. Read it, then press again.")
        else:
            return view
        return None

    def _seen(self, view: ApprovalView) -> bool:
        under_cursor = self.query_one("#approvals", RowTable).cursor_key == view.approval_id
        return under_cursor and self.gate.is_open(_token(view))

    def _ask(self, dialog: DecisionDialog, then: Callable[[str], None]) -> None:
        self._dialog = dialog

        def closed(typed: str | None) -> None:
            self._dialog = None
            if typed is not None:
                then(typed)

        self.app.push_screen(dialog, closed)

    def _send_approval(self, view: ApprovalView, _word: str) -> None:
        self.gate.close()
        approve = self.desk.engine.requests.approve(
            view.approval_id, actor=self.desk.actor, digest=view.digest
        )
        self.act(self._settle(approve), group="decide")

    def _send_rejection(self, view: ApprovalView, comment: str) -> None:
        self.gate.close()
        reject = self.desk.engine.requests.reject(
            view.approval_id, actor=self.desk.actor, comment=comment, digest=view.digest
        )
        self.act(self._settle(reject), group="decide")

    async def _settle(self, decision: Awaitable[DecisionView]) -> None:
        try:
            outcome = await decision
        except AlreadyDecided as error:
            by, at = error.details.get("decided_by", "somebody"), error.details.get("decided_at", "")
            words = decided_words(str(error.details.get("decision", "decided")), str(by), str(at))
            tell(self, words[0].upper() + words[1:], tone="warning")
        except VasiniError as error:
            tell(self, explain(error), tone="error")
        else:
            tell(self, f"{outcome.decision.upper()}: {outcome.approval_id}")
        self._let_appear()
        self.refresher.ask()

    def _draw(self) -> None:
        self._void_dialog()
        self._draw_rows()
        table = self.query_one("#approvals", RowTable)
        if self._wanted:
            table.move_to(self._wanted)
            self._wanted = ""
        current = self._views.get(table.cursor_key)
        if current != self._card:
            self._show_card(current)
        self.query_one("#empty").display = not self._views
        self.query_one("#desk").set_class(not self._views, "-empty")
        self.ages_of([view.requested_at for view in self._views.values()])

    def _draw_rows(self) -> None:
        now = self.desk.now()
        self.query_one("#approvals", RowTable).show([_row(view, now) for view in self._views.values()])

    def _drop_decided(self) -> None:
        card = self._card.approval_id if self._card else ""
        self._views = {
            key: view
            for key, view in self._views.items()
            if view.status is RequestStatus.PENDING or key == card
        }
        self._draw_rows()

    def _show_card(self, view: ApprovalView | None) -> None:
        self._card = view
        self.query_one("#card", DecisionCard).show(view)
        self.query_one("#hint", Plain).show(NOTHING)
        self._let_appear()

    def _let_appear(self) -> None:
        if self._card is None or not self.is_current:
            self.gate.close()
            return
        token = _token(self._card)
        self.gate.appearing(token)
        self.call_after_refresh(self.gate.drawn, token)

    def _void_dialog(self) -> None:
        dialog = self._dialog
        if dialog is None or not dialog.is_mounted:
            return
        now = self._views.get(dialog.view.approval_id)
        if now is None or now.status is not RequestStatus.PENDING:
            by = now.decided_by if now and now.decided_by else "somebody"
            at = full_time(now.decided_at) if now and now.decided_at else "this moment"
            dialog.void(decided_words(now.status.value if now else "gone", by, at))
        elif now.digest != dialog.view.digest:
            dialog.void("what would be approved has changed")

    def _hint(self, words: str) -> None:
        self.query_one("#hint", Plain).show((sanitize(f" {words}"), "$waiting"))


def _token(view: ApprovalView) -> Token:
    return (view.approval_id, view.digest, view.status)


def _row(view: ApprovalView, now: datetime) -> Row:
    risk, status = RISK_MARKS[view.risk], REQUEST_MARKS[view.status]
    return Row(
        view.approval_id,
        (
            Cell(risk.text, risk.tone),
            Cell(sanitize(view.title, limit=500)),
            Cell(sanitize(f"{view.pack}/{view.flow}"), Tone.QUIET),
            Cell(sanitize(age(view.requested_at, now)), Tone.QUIET),
            Cell(status.text, status.tone),
        ),
    )
