"""The facade's part for what runs ask people: approvals, forms, outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from engine.contracts.status import OutcomeDecision, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.runs.listed import Page
    from engine.contracts.runs.plan import PlanEdits
    from engine.contracts.runs.request import (
        AnswerToken,
        AnswerView,
        ApprovalView,
        DecisionView,
        FieldError,
        FormView,
        OutcomeView,
    )


class Requests(Protocol):
    """Approvals and forms. A decision is one transaction; the first valid one wins."""

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
        """Oldest first. `status=None` lists all, `tenant=None` those of every tenant; `viewer` as below."""
        ...

    async def approval(self, approval_id: str, *, viewer: Actor | None = None) -> ApprovalView:
        """One approval. What would run is masked, unless somebody is to decide on it: the `viewer` sees
        it in clear (secrets stay references) while it is open, if the role of approvers is theirs. That
        personal data was shown is an event of the run; where that cannot be written it stays masked.

        Raises NotFound.
        """
        ...

    async def approve(
        self,
        approval_id: str,
        *,
        actor: Actor,
        digest: str | None = None,
        comment: str | None = None,
        edits: PlanEdits | None = None,
    ) -> DecisionView:
        """Approve exactly what was shown (`digest` of the view; None takes the stored one).

        `edits` are of a plan: which steps stay, in which order, with which parameters. They are part of the
        decision. Of a call that a model chose they are its parameters: it is not made, but asks again.
        Raises AlreadyDecided, Refused (`approval_changed`, `request_withdrawn`), NotFound, InvalidInput for
        edits that do not fit.
        """
        ...

    async def reject(
        self, approval_id: str, *, actor: Actor, comment: str, digest: str | None = None
    ) -> DecisionView:
        """Reject with a comment. Raises as `approve`, and InvalidInput on an empty comment."""
        ...

    async def claim(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        """Tell every console that `actor` looks at it; ends by itself (`EngineConfig.claim_seconds`).

        One's own claim is prolonged. A claim is advice: it stops nobody's decision. Raises NotFound,
        Refused (`already_claimed`, `request_withdrawn`), AlreadyDecided.
        """
        ...

    async def release(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        """End one's own claim; nothing happens without one. Raises NotFound."""
        ...

    async def earlier(self, approval_id: str, *, limit: int = 5) -> tuple[ApprovalView, ...]:
        """What was decided before on the same step of the same flow and tenant, newest first."""
        ...

    async def outcomes(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[OutcomeView]:
        """Interrupted calls whose outcome nobody knows; as `approvals`."""
        ...

    async def outcome(self, request_id: str) -> OutcomeView:
        """Raises NotFound."""
        ...

    async def decide_outcome(
        self,
        request_id: str,
        decision: OutcomeDecision,
        *,
        actor: Actor,
        output: Any = None,
        comment: str = "",
    ) -> OutcomeView:
        """Say what became of the call: make it again, take `output` as what it brought, or fail the step.

        Raises AlreadyDecided, Refused (`request_withdrawn`), NotFound, InvalidInput for an output beside
        another decision than `done`, or one that cannot be stored.
        """
        ...

    async def forms(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[FormView]:
        """Oldest first. `status=None` lists all, `tenant=None` those of every tenant."""
        ...

    async def form(self, request_id: str) -> FormView:
        """Raises NotFound."""
        ...

    def check(self, schema: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[FieldError, ...]:
        """All faults of `values` by field, from the same validator that `answer` uses.

        Pure, and may be called from any thread: a large schema takes its time.
        """
        ...

    async def token(self, request_id: str, *, actor: Actor, seconds: float = 86_400.0) -> AnswerToken:
        """Make a token with which somebody elsewhere answers this form once; those made before are void.

        It is good for so many seconds, and not longer than the form is open. Raises AlreadyDecided, Refused,
        NotFound, InvalidInput.
        """
        ...

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
        """Submit a form. With a token of this form no role is needed.

        A field with `format: images` takes names of image files, of `base_dir` where they are relative;
        without one it takes none.

        Raises InvalidInput (`details["errors"]`), AlreadyDecided, Refused (also `token_invalid`,
        `token_expired`), NotFound.
        """
        ...
