"""Approvals and forms of the fake engine: the first decision wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.contracts.request import AnswerView, ApprovalView, DecisionView, FieldError, FormView, OutcomeView
from engine.contracts.run import Page
from engine.contracts.status import OutcomeDecision, RequestStatus
from engine.errors import AlreadyDecided, ErrorCode, InvalidInput, NotFound, Refused
from engine.facade.feed import ClaimsChanged, FeedBatch
from engine.json_schema.forms import check_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.contracts.actor import Actor
    from tests.screens.fake_engine import FakeEngine

CLAIM = timedelta(minutes=2)


@dataclass
class FakeRequests:
    """Approvals and forms of the fake: the first decision wins."""

    engine: FakeEngine
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
        found = [
            view
            for view in self.engine.stored_approvals.values()
            if status in (None, view.status)
            and run_id in (None, view.run_id)
            and tenant in (None, view.tenant)
        ]
        found.sort(key=lambda view: view.requested_at)
        if after is not None:
            found = found[[view.approval_id for view in found].index(after) + 1 :]
        items = tuple(found[:limit])
        return Page[ApprovalView](items=items, next=items[-1].approval_id if len(found) > limit else None)

    async def approval(self, approval_id: str, *, viewer: Actor | None = None) -> ApprovalView:
        self.engine.note("approval", (approval_id, viewer and viewer.name))
        if approval_id not in self.engine.stored_approvals:
            raise NotFound(f"There is no approval {approval_id}.")
        return self.engine.stored_approvals[approval_id]

    async def claim(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        self.engine.note("claim", (approval_id, actor.name))
        return self.claim_as(await self.approval(approval_id), actor.name)

    def claim_as(self, view: ApprovalView, by: str) -> ApprovalView:
        """Claim as anybody: the tests use it as the colleague."""
        if view.claimed_by not in (None, by):
            raise Refused(ErrorCode.ALREADY_CLAIMED, f"{view.claimed_by} is on it.")
        until = self.engine.clock + CLAIM
        claimed = view.model_copy(update={"claimed_by": by, "claimed_until": until})
        self.engine.add(claimed)
        self.engine.feed.publish(FeedBatch(notices=(ClaimsChanged(),)))
        return claimed

    async def release(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        self.engine.note("release", (approval_id, actor.name))
        view = await self.approval(approval_id)
        if view.claimed_by == actor.name:
            view = view.model_copy(update={"claimed_by": None, "claimed_until": None})
            self.engine.add(view)
            self.engine.feed.publish(FeedBatch(notices=(ClaimsChanged(),)))
        return view

    async def earlier(self, approval_id: str, *, limit: int = 5) -> tuple[ApprovalView, ...]:
        self.engine.note("earlier", approval_id)
        asked = await self.approval(approval_id)

        def shape(view: ApprovalView) -> tuple[str, ...]:
            return (view.pack, view.flow, view.step_id.rpartition("/")[2], view.tenant)

        found = [
            view
            for view in self.engine.stored_approvals.values()
            if view.decided_at is not None and shape(view) == shape(asked)
        ]
        return tuple(sorted(found, key=lambda view: view.requested_at, reverse=True)[:limit])

    async def approve(
        self, approval_id: str, *, actor: Actor, digest: str | None = None, comment: str | None = None
    ) -> DecisionView:
        self.engine.note("approve", (approval_id, actor.name, digest))
        return await self.decide(approval_id, RequestStatus.APPROVED, actor.name, digest=digest)

    async def reject(
        self, approval_id: str, *, actor: Actor, comment: str, digest: str | None = None
    ) -> DecisionView:
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
        view = await self.approval(approval_id)
        if view.status is not RequestStatus.PENDING:
            details = {
                "decided_by": view.decided_by,
                "decided_at": str(view.decided_at),
                "decision": view.decision,
            }
            raise AlreadyDecided(f"{view.decided_by} decided first.", details)
        if digest is not None and digest != view.digest:
            raise Refused(ErrorCode.APPROVAL_CHANGED, "What would be approved has changed; look again.")
        change = {
            "status": decision,
            "decision": decision.value,
            "decided_by": by,
            "decided_at": self.engine.clock,
            "comment": comment,
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
        found = [
            view
            for view in self.engine.stored_outcomes.values()
            if status in (None, view.status)
            and run_id in (None, view.run_id)
            and tenant in (None, view.tenant)
        ]
        return Page[OutcomeView](items=tuple(found[:limit]))

    async def outcome(self, request_id: str) -> OutcomeView:
        if request_id not in self.engine.stored_outcomes:
            raise NotFound(f"There is no outcome {request_id}.")
        return self.engine.stored_outcomes[request_id]

    async def say_outcome(
        self,
        request_id: str,
        decision: OutcomeDecision,
        *,
        actor: Actor,
        output: Any = None,
        comment: str = "",
    ) -> OutcomeView:
        self.engine.note("say_outcome", (request_id, decision.value, actor.name, output, comment))
        view = await self.outcome(request_id)
        change = {
            "status": RequestStatus.ANSWERED,
            "decision": decision,
            "decided_by": actor.name,
            "decided_at": self.engine.clock,
        }
        said = self.engine.stored_outcomes[request_id] = view.model_copy(update=change)
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
        found = [
            view
            for view in self.engine.stored_forms.values()
            if status in (None, view.status)
            and run_id in (None, view.run_id)
            and tenant in (None, view.tenant)
        ]
        found.sort(key=lambda view: view.requested_at)
        return Page[FormView](items=tuple(found[:limit]))

    async def form(self, request_id: str) -> FormView:
        if request_id not in self.engine.stored_forms:
            raise NotFound(f"There is no form {request_id}.")
        return self.engine.stored_forms[request_id]

    def check(self, schema: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[FieldError, ...]:
        return self.checker(schema, values)

    async def answer(
        self, request_id: str, values: Mapping[str, Any], *, actor: Actor, comment: str = ""
    ) -> AnswerView:
        self.engine.note("answer", (request_id, dict(values), actor.name))
        form = await self.form(request_id)
        if form.status is not RequestStatus.PENDING:
            words = f"{form.answered_by} answered first."
            raise AlreadyDecided(words, {"decided_by": form.answered_by, "decision": "ANSWERED"})
        errors = self.check(form.json_schema, values)
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
