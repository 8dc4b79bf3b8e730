"""The approvals: those that wait, riskiest first, and the decision card of the one under the cursor.

Rules of safe decisions: a key decides only what has been on the screen for the time of grace, Enter
and Esc never decide, high risk asks for a typed word, and a decision carries the digest of the card.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from textual import events, on
from textual.containers import Container, Vertical

from engine.contracts.status import RequestStatus
from engine.errors import NotFound, VasiniError
from engine.safe_text import sanitize
from screens.approvals.card import DecisionCard
from screens.approvals.rows import ORDERS, claimed_by, columns, row
from screens.approvals.verbs import READ_ON, DecisionVerbsScreen
from screens.frame.bars.key_bar import NEEDS_A_ROW, KeyBar
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import console, show_notice
from screens.frame.console_state import ConsoleState, explain
from screens.keys.bindings import bindings
from screens.outcomes.waiting import WaitingOutcomes
from screens.widgets.plain import Plain
from screens.widgets.tables.row_table import RowTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from engine.contracts.runs.request import ApprovalView
    from screens.frame.grace import Token

PAGE = 200
MOST = 1_000
"""Approvals that the list holds at most: the oldest."""

_DECIDING = frozenset({"approvals.approve", "approvals.edit", "approvals.reject", "approvals.own"})
_NEEDS_MARKS = frozenset({"approvals.decide_marked"})
_STANDS_FOR_MARKED = frozenset({"approvals.mark"})
"""It goes on marking: there is room for one of the two, and the marked ones want to be decided."""
_EMPTY = "No approval waits.\n\nA run that asks for one appears here at once.\n{app.runs} shows the runs."


class ApprovalsScreen(DecisionVerbsScreen):
    """The inbox: what waits for a decision as a list, and what is under the cursor as a card."""

    BINDINGS = bindings("approvals.mark", "approvals.sort", "run.logs")
    view = "approvals"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._views: dict[str, ApprovalView] = {}
        self._card: ApprovalView | None = None
        self._full: ApprovalView | None = None
        self._earlier: tuple[ApprovalView, ...] | None = None
        self._order = ORDERS[0]
        self._wanted = ""
        self._more = False
        self._said = ""

    def body(self) -> ComposeResult:
        """Interrupted calls, list and card beside or under each other, and what the last key did."""
        yield WaitingOutcomes(self.state, self.act)
        with Container(id="panes"):
            yield RowTable(columns(self._order), id="approvals")
            yield DecisionCard(self.state, id="card")
        with Vertical(id="empty"):
            yield KeyHint(_EMPTY, classes="empty-text")
        yield Plain(id="hint")

    def on_mount(self) -> None:
        """Nothing is shown before the first load."""
        super().on_mount()
        self.query_one("#empty").display = False
        self.query_one(KeyBar).leave_out(self._idle)
        self._table.focus()

    def on_screen_resume(self) -> None:
        """The card appears again: the grace begins again."""
        super().on_screen_resume()
        self.appear_again()

    def on_screen_suspend(self) -> None:
        """What nobody sees nobody decides."""
        super().on_screen_suspend()
        self.gate.close()

    def on_resize(self, _event: events.Resize) -> None:
        """The card is drawn anew."""
        self.appear_again()

    def copied_id(self) -> str:
        """The approval id, or that of the interrupted call under the cursor."""
        if self._at_outcomes:
            return self._outcomes.table.cursor_key
        return self._card.approval_id if self._card else ""

    def point_at(self, approval_id: str) -> None:
        """Put the cursor on this approval as soon as it is loaded."""
        self._wanted = approval_id
        self.refresher.ask()

    def card_view(self) -> ApprovalView | None:
        """The approval under the cursor, whole once it is read; none at an interrupted call."""
        return None if self._at_outcomes else self._full or self._card

    def goes_on(self) -> bool:
        """As the card knows."""
        return self._card_pane.goes_on

    def seen(self, view: ApprovalView) -> bool:
        """Under the cursor, drawn in full to the end of its action, and for the time of grace."""
        on_card = self._table.cursor_key == view.approval_id and view is self._full
        return on_card and self._card_pane.end_seen and self.gate.is_open(self._token(view))

    def marked_views(self) -> Sequence[ApprovalView]:
        """The marked approvals that wait, as the list has them."""
        marked = [view for view in self._views.values() if view.approval_id in self._table.selected]
        return [view for view in marked if view.status is RequestStatus.PENDING]

    def deselect(self, approval_ids: Sequence[str]) -> None:
        """They were decided."""
        self._table.select_rows(self._table.selected.difference(approval_ids))

    def appear_again(self) -> None:
        """The grace begins when the terminal shows the card, whole and with what was decided before."""
        if self._full is None or self._earlier is None or not self.is_current:
            self.gate.close()
            return
        token = self._token(self._full)
        self.gate.appearing(token)
        self.call_after_refresh(console(self).when_shown, partial(self.gate.drawn, token))

    def hint(self, words: str) -> None:
        """What the last key did, until the cursor moves."""
        self._said = words
        self._draw_hint()

    async def load(self) -> None:
        """What waits, and beside it what is under the cursor even when it was just decided."""
        requests = self.state.engine.requests
        self.leaves_out(await self._outcomes.load())
        if self._outcomes.point_at(self._wanted):
            self._wanted = ""
        views = {view.approval_id: view for view in await self._pending()}
        followed = {view.approval_id for view in (self.dialog.views if self.dialog else ())}
        shown = self._card.approval_id if self._card else ""
        for kept in followed | {self._wanted, shown} - {"", *views}:
            with suppress(NotFound):  # it went with its run, or is a call of which somebody said what became
                views[kept] = await requests.approval(kept)
        self._views = dict(sorted(views.items(), key=lambda item: self._order.key(item[1])))
        self._draw()
        await self._read_card()

    def tick(self) -> None:
        """Ages and claims again."""
        self._outcomes.tick()
        self._draw_rows()
        self._redraw_card()

    def action_mark(self) -> None:
        """Mark the approval under the cursor for `M`."""
        if self._at_outcomes:
            self.hint("Interrupted calls are not marked: each is answered by itself.")
            return
        self._table.toggle_selected()
        self.hint("")

    def action_sort(self) -> None:
        """Next order."""
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self._table.set_columns(columns(self._order))
        self._views = dict(sorted(self._views.items(), key=lambda item: self._order.key(item[1])))
        self._draw_rows()
        self.hint("")

    def action_logs(self) -> None:
        """The run of what the cursor is on."""
        asks = self._outcomes.current if self._at_outcomes else self._card
        if asks is not None:
            console(self).open_run(asks.run_id, pane="log")

    def action_back(self) -> None:
        """From the card to the list; there it takes the marks away, then leads back. Never decides."""
        if self.focused is not self._table and self._views:
            self._table.focus()
        elif self._table.selected:
            self._table.select_rows(set())
            self.hint("")
        else:
            super().action_back()

    @on(RowTable.Highlighted, "#approvals")
    def _highlighted(self, message: RowTable.Highlighted) -> None:
        if message.key != (self._card.approval_id if self._card else ""):
            self.hint("")
            self._show_card(self._views.get(message.key))
            # What was decided leaves the list once the cursor has left it.
            self._drop_decided()
            self.act(self._read_card(), group="card")

    @on(RowTable.Opened, "#approvals")
    def _opened(self) -> None:
        self.query_one("#card").focus()

    @property
    def _outcomes(self) -> WaitingOutcomes:
        return self.query_one(WaitingOutcomes)

    @property
    def _at_outcomes(self) -> bool:
        return self.focused is not None and self.focused is self._outcomes.table

    @property
    def _idle(self) -> frozenset[str]:
        """Actions that have nothing to do: what is decided stays, only what a model chose can be changed."""
        view = self.card_view()
        idle = _STANDS_FOR_MARKED if self.marked_views() else _NEEDS_MARKS
        if view is None or view.status is not RequestStatus.PENDING:
            empty = not self._views and not self._outcomes.display
            return _DECIDING | NEEDS_A_ROW if empty else _DECIDING | idle | _STANDS_FOR_MARKED
        return idle if view.changeable_steps else idle | {"approvals.edit"}

    @property
    def _table(self) -> RowTable:
        return self.query_one("#approvals", RowTable)

    async def _pending(self) -> list[ApprovalView]:
        """The oldest `MOST` that wait, so that the riskiest of them can stand first."""
        requests = self.state.engine.requests
        found: list[ApprovalView] = []
        self._more = False
        after: str | None = None
        while len(found) < MOST:
            page = await requests.approvals(tenant=self.state.tenant, limit=PAGE, after=after)
            found += page.items
            self.leaves_out(page.unreadable)
            after = page.next
            if after is None:
                break
        else:
            self._more = True
        return found

    @on(DecisionCard.EndSeen)
    def _end_seen(self) -> None:
        if self._said == self.state.keymap.fill(READ_ON):
            self.hint("")
        self.appear_again()

    @property
    def _card_pane(self) -> DecisionCard:
        return self.query_one("#card", DecisionCard)

    async def _read_card(self) -> None:
        """What is approved, whole and in clear, and what was decided before on the step."""
        view = self._card
        if view is None:
            return
        requests = self.state.engine.requests
        full = await requests.approval(view.approval_id, viewer=self.state.actor)
        try:
            earlier = await requests.earlier(view.approval_id)
        except VasiniError as error:
            # Not knowing the past must not keep anybody from deciding.
            earlier = ()
            show_notice(self, f"What was decided before cannot be read: {explain(error)}", tone="warning")
        spent = await self._money_of(view)
        if self._card is None or self._card.approval_id != view.approval_id:
            return
        if (full, earlier) != (self._full, self._earlier):
            self._full, self._earlier = full, earlier
            self.query_one(KeyBar).leave_out(self._idle)
            self._card_pane.show(full)
            self._card_pane.show_earlier(full, earlier)
            self.appear_again()
        self._card_pane.show_spent(full, spent)

    async def _money_of(self, view: ApprovalView) -> str:
        """What the run has cost and may cost; it keeps nobody from deciding."""
        try:
            return (await self.state.engine.budget.outlook(view.run_id, view.step_id)).words
        except VasiniError:
            return "cost so far unknown"

    def _draw(self) -> None:
        if self.dialog is not None and self.dialog.is_mounted:
            self.dialog.follow(self._views)
        self._table.selected &= self._views.keys()
        self._draw_rows()
        if self._wanted:
            self._table.move_to(self._wanted)
            self._wanted = ""
        current = self._views.get(self._table.cursor_key)
        if current != self._card:
            self._show_card(current)
        else:
            self._redraw_card()
        self.query_one("#empty").display = not self._views
        self.query_one("#panes").set_class(not self._views, "-empty")
        if self._at_outcomes and not self._outcomes.display:
            self._table.focus()
        elif self._outcomes.display and not self._views and self.focused in (None, self._table):
            self._outcomes.table.focus()
        waiting = self._views.values()
        until = [
            view.claimed_until
            for view in waiting
            if claimed_by(view, self.state.now()) and view.claimed_until
        ]
        self.ages_of([*until, *(view.requested_at for view in waiting), *self._outcomes.moments()])
        self._draw_hint()

    def _draw_hint(self) -> None:
        """What the last key did; else what is marked, or how the list is ordered."""
        self.query_one(KeyBar).leave_out(self._idle)
        line = self.query_one("#hint", Plain)
        count = len(self.marked_views())
        if self._said or count:
            keys = "{approvals.decide_marked} decides them together, {screen.back} takes the marks away"
            marked = f"{count} marked: {self.state.keymap.fill(keys)}"
            line.show((sanitize(self._said or marked, limit=600), "$waiting"))
        else:
            more = f" · the {MOST:,} oldest, more wait" if self._more else ""
            line.show((sanitize(f"{self._order.words}{more}"), "$quiet"))

    def _draw_rows(self) -> None:
        now, me = self.state.now(), self.state.actor.name
        self._table.show([row(view, now, me) for view in self._views.values()])

    def _drop_decided(self) -> None:
        card = self._card.approval_id if self._card else ""
        self._views = {
            key: view
            for key, view in self._views.items()
            if view.status is RequestStatus.PENDING or key == card
        }
        self._draw_rows()

    def _show_card(self, view: ApprovalView | None) -> None:
        other = view is None or self._card is None or view.approval_id != self._card.approval_id
        self._card, self._full = view, None
        if other:
            self._earlier = None
        self._card_pane.show(view)
        self.appear_again()

    def _redraw_card(self) -> None:
        """The age now; a claim that ran out is another card."""
        if self._card is None:
            return
        self._card_pane.show_age(self._card)
        if self._full is not None and not self.gate.knows(self._token(self._full)):
            self.appear_again()

    def _token(self, view: ApprovalView) -> Token:
        """All that a decision depends on; what arrives later begins the grace again."""
        past = (f"{before.approval_id}{before.status}" for before in self._earlier or ())
        read = "read" if self._card_pane.end_seen else ""
        return (view.approval_id, view.digest, view.status, claimed_by(view, self.state.now()), read, *past)
