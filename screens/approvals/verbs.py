"""Keys that decide: one approval from its card, several marked ones at once, and the claim on one.

A decision carries the digest of what was shown, and is told in words however it ends.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from engine.contracts.status import RequestStatus
from engine.errors import AlreadyDecided, VasiniError
from screens.approvals.bulk_dialog import BulkDecision, BulkDecisionDialog
from screens.approvals.card import NEEDS_WORD, decided_words
from screens.approvals.dialogs import CommentDialog, DecisionDialog, TypedWordDialog
from screens.approvals.differences import not_one_step
from screens.approvals.rows import claimed_by
from screens.frame.console_state import ConsoleState, explain
from screens.frame.grace import DecisionGate
from screens.frame.screen import ConsoleScreen, tell, too_small
from screens.keys.bindings import bindings
from screens.widgets.status_labels import REQUEST_LABELS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from engine.contracts.request import ApprovalView, DecisionView

T = TypeVar("T")


class DecisionVerbsScreen(ConsoleScreen):
    """A screen with the card of an approval: approve, reject, own, decide the marked ones."""

    BINDINGS = bindings("approvals.approve", "approvals.reject", "approvals.own", "approvals.decide_marked")

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self.gate = DecisionGate(state.clock, state.grace)
        self.dialog: DecisionDialog[Any] | None = None

    def card_view(self) -> ApprovalView | None:
        """What the card shows."""
        return None

    def seen(self, view: ApprovalView) -> bool:
        """Whether a person can have read the card of this approval by now."""
        raise AssertionError(f"{type(self).__name__} shows no card of {view.approval_id}")

    def marked_views(self) -> Sequence[ApprovalView]:
        """The marked approvals that wait, in the order of the list."""
        return ()

    def unmark(self, approval_ids: Sequence[str]) -> None:
        """Take marks away: these were decided."""

    def appear_again(self) -> None:
        """The outcome of a decision is new on the card."""

    def action_approve(self) -> None:
        """Approve exactly what the card shows."""
        view = self._decidable()
        if view is None:
            return
        if view.risk in NEEDS_WORD:
            self._ask(TypedWordDialog(view), lambda _word: self._approve(view))
        else:
            self._approve(view)

    def action_reject(self) -> None:
        """Ask for a comment, then reject."""
        view = self._decidable()
        if view is not None:
            self._ask(CommentDialog(view), partial(self._reject, view))

    def action_own(self) -> None:
        """Tell the others that one is on it, or that one is no more."""
        view = self.card_view()
        if view is None or view.status is not RequestStatus.PENDING:
            self.hint("There is nothing to claim.")
            return
        requests, actor = self.state.engine.requests, self.state.actor
        mine = claimed_by(view, self.state.now()) == actor.name
        verb = requests.release if mine else requests.claim
        self.act(self._claim(verb(view.approval_id, actor=actor)), group="claim")

    def action_decide_marked(self) -> None:
        """Ask once for all marked approvals of one step."""
        views = self.marked_views()
        problem = (
            not_one_step(views)
            if views
            else self.state.keymap.fill("nothing is marked: {approvals.mark} marks")
        )
        if problem:
            self.hint(f"Not asked: {problem}.")
        elif not too_small(self):
            self._ask(BulkDecisionDialog(self.state, *views), partial(self._decide_all, views))

    def hint(self, words: str) -> None:
        """Say something under the list."""
        raise AssertionError(f"{type(self).__name__} has no place for {words!r}")

    def _decidable(self) -> ApprovalView | None:
        view = self.card_view()
        if view is None:
            self.hint("There is nothing to decide.")
        elif view.status is not RequestStatus.PENDING:
            self.hint(f"This approval is {REQUEST_LABELS[view.status].word} already.")
        elif too_small(self) or not self.seen(view):
            self.hint("Not sent: the card had only just appeared. Read it, then press again.")
        else:
            return view
        return None

    def _ask(self, dialog: DecisionDialog[T], then: Callable[[T], None]) -> None:
        self.dialog = dialog

        def closed(typed: T | None) -> None:
            self.dialog = None
            if typed is not None:
                then(typed)

        self.app.push_screen(dialog, closed)

    def _approve(self, view: ApprovalView) -> None:
        self.gate.close()
        self.act(self._settle(self._send(view, BulkDecision(approve=True))), group="decide")

    def _reject(self, view: ApprovalView, comment: str) -> None:
        self.gate.close()
        self.act(self._settle(self._send(view, BulkDecision(approve=False, comment=comment))), group="decide")

    def _decide_all(self, views: Sequence[ApprovalView], decision: BulkDecision) -> None:
        self.gate.close()
        self.act(self._settle_all(views, decision), group="decide")

    def _send(self, view: ApprovalView, decision: BulkDecision) -> Awaitable[DecisionView]:
        requests, actor = self.state.engine.requests, self.state.actor
        if decision.approve:
            return requests.approve(view.approval_id, actor=actor, digest=view.digest)
        return requests.reject(view.approval_id, actor=actor, comment=decision.comment, digest=view.digest)

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
            self.unmark([outcome.approval_id])
        self.appear_again()
        self.refresher.ask()

    async def _settle_all(self, views: Sequence[ApprovalView], decision: BulkDecision) -> None:
        outcomes: dict[str, int] = {}
        done: list[str] = []
        for view in views:
            try:
                words = (await self._send(view, decision)).decision.lower()
                done.append(view.approval_id)
            except AlreadyDecided as error:
                by = str(error.details.get("decided_by", "somebody"))[:60]
                words = f"already {str(error.details.get('decision', 'decided')).lower()} by {by}"
                done.append(view.approval_id)
            except VasiniError as error:
                words = f"not decided ({error.code})"
            outcomes[words] = outcomes.get(words, 0) + 1
        self.unmark(done)
        told = ", ".join(f"{count} {words}" for words, count in outcomes.items())
        self.hint(f"Of {len(views)}: {told}.")
        tell(self, f"Of {len(views)}: {told}", tone="information" if len(outcomes) == 1 else "warning")
        self.appear_again()
        self.refresher.ask()

    async def _claim(self, claim: Awaitable[ApprovalView]) -> None:
        await claim
        self.refresher.ask()
