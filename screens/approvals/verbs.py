"""Keys that decide: one approval from its card, several marked ones at once, and the claim on one.

A decision carries the digest of what was shown, and is told in words however it ends.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from engine.contracts.status import RequestStatus
from engine.errors import AlreadyDecided, VasiniError
from screens.approvals.bulk_dialog import BulkDecisionDialog, OperatorDecision
from screens.approvals.card import NEEDS_WORD, format_decided
from screens.approvals.dialogs import CommentDialog, DecisionDialog, TypedWordDialog, comment_draft
from screens.approvals.differences import not_one_shape, paths_around, step_name
from screens.approvals.plan_dialog import PlanDialog
from screens.approvals.plan_draft import PlanDraft
from screens.approvals.rows import claimed_by
from screens.frame.console import attempt, show_notice, tried
from screens.frame.console_state import ConsoleState, explain
from screens.frame.grace import DecisionGate
from screens.frame.keyboard import ALONE_SECONDS
from screens.frame.screen import ConsoleScreen
from screens.keys.bindings import bindings
from screens.widgets.status_labels import REQUEST_LABELS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from engine.contracts.runs.plan import PlanEdits
    from engine.contracts.runs.request import ApprovalView, DecisionView

T = TypeVar("T")

_NAMED = 3
"""Approvals of one outcome that are named."""
READ_ON = "Not sent: the action goes on: {list.open}, then {text.down} or {text.bottom}."
"""The edge of the card counts the lines; this holds until the last of them was seen."""


class DecisionVerbsScreen(ConsoleScreen):
    """A screen with the card of an approval: approve, reject, own, decide the marked ones."""

    BINDINGS = bindings(
        "approvals.approve",
        "approvals.edit",
        "approvals.reject",
        "approvals.own",
        "approvals.decide_marked",
    )

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self.gate = DecisionGate(state.clock, state.grace)
        self.dialog: DecisionDialog[Any] | None = None
        self._drafts: dict[tuple[str, str], PlanDraft] = {}
        """Changed plans, of an approval as it was shown (id, digest), until they are decided."""
        self._comments: dict[str, str] = {}
        """Of rejections of several of one step, until all of them are rejected."""

    def card_view(self) -> ApprovalView | None:
        """What the card shows."""
        return None

    def seen(self, view: ApprovalView) -> bool:
        """Whether a person can have read the card of this approval by now."""
        raise AssertionError(f"{type(self).__name__} shows no card of {view.approval_id}")

    def goes_on(self) -> bool:
        """Whether the end of the action on the card has yet to be scrolled to."""
        return False

    def marked_views(self) -> Sequence[ApprovalView]:
        """The marked approvals that wait, in the order of the list."""
        return ()

    def deselect(self, approval_ids: Sequence[str]) -> None:
        """Take marks away: these were decided."""

    def appear_again(self) -> None:
        """The outcome of a decision is new on the card."""

    def action_approve(self) -> None:
        """Approve exactly what the card shows."""
        view = self._decidable()
        if view is None:
            return
        if view.risk in NEEDS_WORD or not self.gate.answered:
            self._ask(TypedWordDialog(view), lambda _word: self._send(view, OperatorDecision(approve=True)))
        else:
            self.act(self._approve_if_alone(view, self.state.keyboard.count), group="decide")

    def action_edit(self) -> None:
        """Change the plan on the card, then approve it; or the call, which asks again."""
        view = self._decidable()
        if view is None:
            return
        if not view.changeable_steps:
            self.refuse("Not opened: only a plan, or a call that a model chose, can be changed.")
        else:
            self.hint("")
            of_these = (view.approval_id, view.digest)
            draft = self._drafts.setdefault(of_these, PlanDraft(view.changeable_steps))
            asks_word = not view.changeable and (view.risk in NEEDS_WORD or not self.gate.answered)
            self._ask(PlanDialog(self.state, view, draft), partial(self._approve_changed, view, asks_word))

    def _approve_changed(self, view: ApprovalView, asks_word: bool, edits: PlanEdits) -> None:
        decision = OperatorDecision(approve=True, edits=edits)
        if asks_word:
            self._ask(TypedWordDialog(view), lambda _word: self._send(view, decision))
        else:
            self._send(view, decision)

    def action_reject(self) -> None:
        """Ask for a comment, then reject."""
        view = self._decidable()
        if view is not None:
            dialog = CommentDialog(self.state, view)
            self._ask(
                dialog, lambda comment: self._send(view, OperatorDecision(approve=False, comment=comment))
            )

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
        if not views:
            self.refuse(self.state.keymap.fill("Not asked: nothing is marked: {approvals.mark} marks."))
        else:
            self.act(self._ask_for_all(views), group="bulk")

    def refuse(self, words: str) -> None:
        """Say why a decision key did nothing; what is typed on decides nothing either."""
        self.state.keyboard.refused()
        self.hint(words)

    def hint(self, words: str) -> None:
        """Say something under the list."""
        raise AssertionError(f"{type(self).__name__} has no place for {words!r}")

    def _decidable(self) -> ApprovalView | None:
        view, problem = self.card_view(), self.state.keyboard.problem()
        if view is None:
            self.refuse("There is nothing to decide.")
        elif view.status is not RequestStatus.PENDING:
            self.refuse(f"This approval is {REQUEST_LABELS[view.status].word} already.")
        elif self.goes_on():
            self.refuse(self.state.keymap.fill(READ_ON))
        elif not self.seen(view):
            self.refuse("Not sent: the card had only just appeared. Read it, then press again.")
        elif problem:
            self.refuse(f"Not sent: {problem}. Press again then.")
        else:
            return view
        return None

    async def _approve_if_alone(self, view: ApprovalView, keys: int) -> None:
        """A key that others follow at once was none that a person pressed to decide.

        `keys` is how many had come when this one was taken.
        """
        await asyncio.sleep(ALONE_SECONDS)
        if self.state.keyboard.count != keys:
            self.refuse("Not sent: other keys came with it. Press again when no key has come for a moment.")
        elif self.seen(view):
            self._send(view, OperatorDecision(approve=True))

    async def _ask_for_all(self, marked: Sequence[ApprovalView]) -> None:
        """All of them as they are, whole and in clear; then whether they are of one shape."""
        requests, actor = self.state.engine.requests, self.state.actor
        views = [await requests.approval(view.approval_id, viewer=actor) for view in marked]
        if gone := [view.approval_id for view in views if view.status is not RequestStatus.PENDING]:
            self.deselect(gone)
            self.refresher.ask()
            words = f"{len(gone)} of the {len(views)} marked wait no more"
            self.refuse(f"Not asked: {words}. Look, then press again.")
            return
        problem = not_one_shape(views, [await self._types(view) for view in views])
        if problem:
            self.refuse(f"Not asked: {problem}.")
        elif self.is_current:
            step = _step_of(views)
            keep, comment = partial(self._comments.__setitem__, step), self._comments.get(step, "")
            dialog = BulkDecisionDialog(self.state, *views, comment=comment, keep=keep)
            self._ask(dialog, partial(self._decide_all, views))

    async def _types(self, view: ApprovalView) -> Mapping[str, str]:
        """The types of the steps around the one that asks: an item of a list is of the same step."""
        if "/" not in view.step_id:
            return {}
        action = view.action.step if view.action is not None else ""
        around = {*paths_around(view.step_id), *paths_around(action)}
        found = await self.state.engine.runs.steps_at(view.run_id, sorted(around))
        return {step.step_id: step.type for step in found}

    def _ask(self, dialog: DecisionDialog[T], then: Callable[[T], None]) -> None:
        self.dialog = dialog

        def closed(typed: T | None) -> None:
            self.dialog = None
            if typed is not None:
                then(typed)

        self.app.push_screen(dialog, closed)

    def _send(self, view: ApprovalView, decision: OperatorDecision) -> None:
        self.gate.close()
        self.hint("")  # what an earlier key was refused for holds no more
        self.act(self._decide(view, decision), group="decide")

    def _decide_all(self, views: Sequence[ApprovalView], decision: OperatorDecision) -> None:
        self.gate.close()
        self.act(self._decide_each(views, decision), group="decide")

    async def _decided(self, view: ApprovalView, decision: OperatorDecision) -> DecisionView:
        """Bound to the digest of what was shown. Raises as the engine does."""
        requests, actor = self.state.engine.requests, self.state.actor
        if decision.approve:
            decided = await requests.approve(
                view.approval_id, actor=actor, digest=view.digest, edits=decision.edits
            )
            self._drafts.pop((view.approval_id, view.digest), None)
            return decided
        decided = await requests.reject(
            view.approval_id, actor=actor, comment=decision.comment, digest=view.digest
        )
        await attempt(self, comment_draft(self, self.state, view.approval_id).drop())
        return decided

    async def _decide(self, view: ApprovalView, decision: OperatorDecision) -> None:
        try:
            outcome = await self._decided(view, decision)
        except AlreadyDecided as error:
            by, at = error.details.get("decided_by", "somebody"), error.details.get("decided_at", "")
            words = format_decided(str(error.details.get("decision", "decided")), str(by), str(at))
            show_notice(self, words[0].upper() + words[1:], tone="warning")
        except VasiniError as error:
            show_notice(self, explain(error), tone="error")
        else:
            asks_again = view.changeable and decision.edits is not None
            words = "Changed, it asks again" if asks_again else outcome.decision.capitalize()
            show_notice(self, f"{words}: {view.title}")
            self.deselect([outcome.approval_id])
        self.appear_again()
        self.refresher.ask()

    async def _decide_each(self, views: Sequence[ApprovalView], decision: OperatorDecision) -> None:
        """One after the other; whatever becomes of one, it is told what became of each."""
        outcomes: dict[str, list[ApprovalView]] = {}
        done: list[str] = []
        for view in views:
            outcome = await tried(self._decided(view, decision))
            if not isinstance(outcome, Exception) or isinstance(outcome, AlreadyDecided):
                done.append(view.approval_id)
            outcomes.setdefault(_became(outcome), []).append(view)
        self.deselect(done)
        if not decision.approve and len(done) == len(views):
            self._comments.pop(_step_of(views), None)
        told = format_outcomes(outcomes)
        self.hint(f"{told}.")
        show_notice(self, told, tone="information" if len(outcomes) == 1 else "warning")
        self.appear_again()
        self.refresher.ask()

    async def _claim(self, claim: Awaitable[ApprovalView]) -> None:
        await claim
        self.refresher.ask()


def _step_of(views: Sequence[ApprovalView]) -> str:
    """The step that all of them are of."""
    first = views[0]
    return f"{first.pack}/{first.flow}/{step_name(first.step_id)}"


def _became(outcome: DecisionView | Exception) -> str:
    """What became of one of several."""
    if isinstance(outcome, AlreadyDecided):
        by = str(outcome.details.get("decided_by", "somebody"))[:60]
        return f"already {str(outcome.details.get('decision', 'decided')).lower()} by {by}"
    if isinstance(outcome, VasiniError):
        return f"not decided ({outcome.code})"
    if isinstance(outcome, Exception):
        return f"perhaps not decided ({explain(outcome)[:80]})"
    return outcome.decision.lower()


def format_outcomes(outcomes: Mapping[str, Sequence[ApprovalView]]) -> str:
    """`Of 3: 2 approved, 1 already rejected by carol (web-shop)`: where they differ, which is named."""
    told = []
    for words, views in outcomes.items():
        names = [view.subject or view.run_id for view in views[:_NAMED]]
        more = f" and {len(views) - _NAMED} more" if len(views) > _NAMED else ""
        which = f" ({', '.join(names)}{more})" if len(outcomes) > 1 else ""
        told.append(f"{len(views)} {words}{which}")
    return f"Of {sum(map(len, outcomes.values()))}: {', '.join(told)}"
