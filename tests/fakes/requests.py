"""Requests of the fake engine: what a decision or a claim is refused for is the journal's own rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from engine.contracts.runs.request import (
    AnswerToken,
    AnswerView,
    ApprovalView,
    DecisionView,
    FieldError,
    FormView,
    OutcomeView,
)
from engine.contracts.status import OutcomeDecision, RequestKind, RequestStatus
from engine.errors import ErrorCode, InvalidInput, NotFound, Refused
from engine.facade.feed import ClaimsChanged, FeedBatch
from engine.governance.access import AccessScoped
from engine.journal.records import Decision
from engine.journal.rules.request_rules import refuse_claim, refuse_closed, refuse_decision
from engine.journal.rules.run_filter import micros
from engine.json_schema.forms import check_values, fill_defaults
from engine.runtime.views.paging import page_size
from tests.fakes.request_rows import as_of_now, claim_row, page_of_requests, request_row
from tests.fakes.run_lists import without_damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.runs.listed import Page
    from engine.contracts.runs.plan import PlanEdits
    from tests.fakes.engine import FakeEngine

View = TypeVar("View", ApprovalView, FormView, OutcomeView)
CLAIM = timedelta(minutes=2)


@dataclass
class FakeRequests(AccessScoped):
    """Approvals, forms and outcomes of the fake: the first decision wins."""

    engine: FakeEngine
    tokens: dict[str, str] = field(default_factory=dict)
    checker: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[FieldError, ...]] = check_values

    async def approvals(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
        viewer: Actor | None = None,
    ) -> Page[ApprovalView]:
        self.engine.note("approvals")
        tenant = self.access.narrowed(tenant)
        views = [self._now(view) for view in self.engine.stored_approvals.values()]
        page = page_of_requests(views, status, run_id, tenant, limit, after)
        return without_damaged(page, self.engine.damaged, lambda view: view.approval_id)

    async def approval(self, approval_id: str, *, viewer: Actor | None = None) -> ApprovalView:
        self.engine.note("approval", (approval_id, viewer and viewer.name))
        return self._approval(approval_id)

    async def claim(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        self.engine.note("claim", (approval_id, actor.name))
        return self.claim_as(self._approval(approval_id), actor.name)

    def claim_as(self, view: ApprovalView, by: str) -> ApprovalView:
        """Claim as anybody: the tests use it as the colleague."""
        refuse_claim(request_row(view), claim_row(view), by, self._micros)
        until = self.engine.clock + CLAIM
        return self._claimed(view, claimed_by=by, claimed_until=until)

    async def release(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        self.engine.note("release", (approval_id, actor.name))
        view = self._approval(approval_id)
        if view.claimed_by != actor.name:
            return view
        return self._claimed(view, claimed_by=None, claimed_until=None)

    async def earlier(self, approval_id: str, *, limit: int = 5) -> tuple[ApprovalView, ...]:
        self.engine.note("earlier", approval_id)
        asked = self._approval(approval_id)

        def shape(view: ApprovalView) -> tuple[str, ...]:
            return (view.pack, view.flow, view.step_id.rpartition("/")[2], view.tenant)

        found = [
            (view.decided_at, view.approval_id, view)
            for view in self.engine.stored_approvals.values()
            if view.decided_at is not None
            and view.approval_id != approval_id
            and (asked.decided_at is None or view.decided_at <= asked.decided_at)
            and shape(view) == shape(asked)
        ]
        found.sort(key=lambda item: item[:2], reverse=True)
        return tuple(view for _, _, view in found[: page_size(limit)])

    async def approve(
        self,
        approval_id: str,
        *,
        actor: Actor,
        digest: str | None = None,
        comment: str | None = None,
        edits: PlanEdits | None = None,
    ) -> DecisionView:
        self.engine.note("approve", (approval_id, actor.name, digest))
        if edits is not None:
            kept = [(step.step_id, step.params) for step in edits.steps]
            self.engine.note("approve_edited", (approval_id, kept))
        decided = await self.decide(
            approval_id, RequestStatus.APPROVED, actor.name, digest=digest, comment=comment
        )
        view = self._approval(approval_id)
        if edits is not None and view.changeable:  # it asks again
            void = {"status": RequestStatus.VOID, "changes": "--- before\n+++ now"}
            self.engine.stored_approvals[approval_id] = view.model_copy(update=void)
        return decided

    async def reject(
        self, approval_id: str, *, actor: Actor, comment: str, digest: str | None = None
    ) -> DecisionView:
        if not comment.strip():
            raise InvalidInput("A rejection needs a comment.")
        self.engine.note("reject", (approval_id, actor.name, digest, comment))
        return await self.decide(
            approval_id, RequestStatus.REJECTED, actor.name, digest=digest, comment=comment
        )

    async def decide(
        self,
        approval_id: str,
        decision: RequestStatus,
        by: str,
        *,
        digest: str | None = None,
        comment: str | None = None,
    ) -> DecisionView:
        """Decide as anybody: the tests use it as the colleague."""
        view = self._approval(approval_id)
        row = request_row(view)
        refuse_closed(row)
        kind = RequestKind.APPROVAL.value
        given = Decision(request_id=approval_id, kind=kind, actor=by, now=0, payload={}, digest=digest)
        refuse_decision(row, given)
        change = {
            "status": decision,
            "decision": decision.value,
            "decided_by": by,
            "decided_at": self.engine.clock,
            "comment": comment,
            "claimed_by": None,
            "claimed_until": None,
        }
        self.engine.add(view.model_copy(update=change))
        self.engine.news("request_decided", view.run_id)
        return DecisionView(
            approval_id=approval_id,
            run_id=view.run_id,
            decision=decision.value,
            decided_by=by,
            decided_at=self.engine.clock,
        )

    async def outcomes(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[OutcomeView]:
        tenant = self.access.narrowed(tenant)
        page = page_of_requests(self.engine.stored_outcomes.values(), status, run_id, tenant, limit, after)
        return without_damaged(page, self.engine.damaged, lambda view: view.request_id)

    async def outcome(self, request_id: str) -> OutcomeView:
        return self._seen("outcome", request_id, self.engine.stored_outcomes.get(request_id))

    async def decide_outcome(
        self,
        request_id: str,
        decision: OutcomeDecision,
        *,
        actor: Actor,
        output: Any = None,
        comment: str = "",
    ) -> OutcomeView:
        self.engine.note("decide_outcome", (request_id, decision.value, actor.name, output, comment))
        if output is not None and decision is not OutcomeDecision.DONE:
            raise InvalidInput("An output belongs to `done`.")
        view = await self.outcome(request_id)
        refuse_closed(request_row(view))
        change = {
            "status": RequestStatus.ANSWERED,
            "decision": decision,
            "decided_by": actor.name,
            "decided_at": self.engine.clock,
            "comment": comment,
        }
        said = view.model_copy(update=change)
        self.engine.add(said)
        self.engine.news("outcome_decided", view.run_id)
        return said

    async def forms(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[FormView]:
        self.engine.note("forms")
        tenant = self.access.narrowed(tenant)
        views = [self._now(view) for view in self.engine.stored_forms.values()]
        page = page_of_requests(views, status, run_id, tenant, limit, after)
        return without_damaged(page, self.engine.damaged, lambda view: view.request_id)

    async def form(self, request_id: str) -> FormView:
        return self._seen("form", request_id, self.engine.stored_forms.get(request_id))

    def check(self, schema: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[FieldError, ...]:
        return self.checker(schema, values)

    async def token(self, request_id: str, *, actor: Actor, seconds: float = 86_400.0) -> AnswerToken:
        self.engine.note("token", (request_id, seconds, actor.name))
        form = await self.form(request_id)
        refuse_closed(request_row(form))
        self.tokens[request_id] = token = f"vat_{len(self.tokens):040}"
        until = self.engine.clock + timedelta(seconds=seconds)
        return AnswerToken(request_id=request_id, run_id=form.run_id, token=token, expires_at=until)

    async def answer(
        self,
        request_id: str,
        values: Mapping[str, Any],
        *,
        actor: Actor,
        comment: str = "",
        token: str | None = None,
        base_dir: Path | None = None,
    ) -> AnswerView:
        pending = (await self.form(request_id)).status is RequestStatus.PENDING
        if token is not None and pending and token != self.tokens.get(request_id):
            raise Refused(ErrorCode.TOKEN_INVALID, "The token is not good for this form.")
        self.engine.note("answer", (request_id, dict(values), actor.name))
        form = await self.form(request_id)
        row = request_row(form)
        refuse_closed(row)
        errors = self.check(form.json_schema, fill_defaults(form.json_schema, values))
        if errors:
            raise InvalidInput("The form has errors.", {"errors": [error.model_dump() for error in errors]})
        self.answer_as(request_id, actor.name)
        return AnswerView(
            request_id=request_id,
            run_id=form.run_id,
            form_id=form.form_id,
            answered_by=actor.name,
            answered_at=self.engine.clock,
        )

    def answer_as(self, request_id: str, by: str) -> None:
        """Mark a form as answered by anybody."""
        form = self.engine.stored_forms[request_id]
        change = {"status": RequestStatus.ANSWERED, "answered_by": by, "answered_at": self.engine.clock}
        self.engine.add(form.model_copy(update=change))
        self.engine.news("form_answered", form.run_id)

    @property
    def _micros(self) -> int:
        return micros(self.engine.clock) or 0

    def _now(self, view: View) -> View:
        return as_of_now(view, self.engine.clock)

    def _approval(self, approval_id: str) -> ApprovalView:
        return self._seen("approval", approval_id, self.engine.stored_approvals.get(approval_id))

    def _seen(self, kind: str, request_id: str, view: View | None) -> View:
        """The request, if it is in view. Raises NotFound."""
        if view is None or not self.access.sees(view.tenant):
            raise NotFound(f"There is no {kind} {request_id}{self.access.where}.")
        return self._now(view)

    def _claimed(self, view: ApprovalView, **changes: Any) -> ApprovalView:
        claimed = view.model_copy(update=changes)
        self.engine.add(claimed)
        self.engine.feed.publish(FeedBatch(notices=(ClaimsChanged(),)))
        return claimed
