"""`engine.requests` on a journal: the inbox and its decisions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from engine.contracts.actor import Role, recorded_account
from engine.contracts.runs.listed import RequestFilter
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
from engine.contracts.times import from_micros
from engine.errors import ErrorCode, InvalidInput, NotFound, Refused
from engine.governance.access import AccessScoped
from engine.journal.records import Decision
from engine.json_schema.forms import check_values
from engine.machine.events.request_facts import told_decision
from engine.runtime.embedded.asking.answer_tokens import DEFAULT_SECONDS, issue_token, require_token
from engine.runtime.embedded.asking.answering import Answering
from engine.runtime.embedded.comments import require_comment
from engine.runtime.embedded.run_ancestry import refuse_a_run
from engine.runtime.views.paging import cursor, page_size
from engine.runtime.views.readable import page_of
from engine.runtime.views.row_views import with_limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from engine.config import EngineConfig
    from engine.contracts.actor import Actor
    from engine.contracts.runs.listed import Page
    from engine.contracts.runs.plan import PlanEdits
    from engine.journal.port import Journal
    from engine.journal.rows import RequestViewRow
    from engine.runtime.clock import Clock
    from engine.runtime.embedded.governing.soft_cap_answers import SoftCapAnswers
    from engine.runtime.intake import Intake
    from engine.runtime.plans.plan_edits import PlanEditing
    from engine.runtime.value_store import ValueStore
    from engine.runtime.views.row_views import RowViews

V = TypeVar("V")

MAX_COMMENT = 20_000
_ID_PREFIXES = {RequestKind.APPROVAL: "appr_", RequestKind.OUTCOME: "outc_", RequestKind.FORM: "form_"}


class Requests(AccessScoped):
    """Implements `engine.facade.requests.Requests`."""

    def __init__(
        self,
        config: EngineConfig,
        journal: Journal,
        clock: Clock,
        values: ValueStore,
        views: RowViews,
        intake: Intake,
        soft_caps: SoftCapAnswers,
        plan_edits: PlanEditing,
    ) -> None:
        self._answering = Answering(config.rules, journal, clock, values, intake, soft_caps)
        self._plan_edits = plan_edits
        self._config = config
        self._journal = journal
        self._clock = clock
        self._values = values
        self._views = views
        self._intake = intake

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
        """See facade."""
        view = partial(self._views.approval, viewer=self._who_decides(viewer))
        wanted = RequestFilter(status=status, run_id=run_id, tenant=tenant)
        return await self._page(RequestKind.APPROVAL, view, wanted, limit, after)

    async def approval(self, approval_id: str, *, viewer: Actor | None = None) -> ApprovalView:
        """See facade."""
        row = await self._shown(approval_id, RequestKind.APPROVAL)
        return await self._views.approval(row, self._who_decides(viewer))

    def _who_decides(self, viewer: Actor | None) -> Actor | None:
        """Whoever may not decide sees as much as nobody in particular."""
        return viewer if self.access.allows(Role.APPROVER) else None

    async def approve(
        self,
        approval_id: str,
        *,
        actor: Actor,
        digest: str | None = None,
        comment: str | None = None,
        edits: PlanEdits | None = None,
    ) -> DecisionView:
        """See facade."""
        return await self._decide(approval_id, RequestStatus.APPROVED, actor, digest, comment or "", edits)

    async def reject(
        self, approval_id: str, *, actor: Actor, comment: str, digest: str | None = None
    ) -> DecisionView:
        """See facade."""
        if not comment.strip():
            raise InvalidInput("a rejection needs a comment that says why", {"approval_id": approval_id})
        return await self._decide(approval_id, RequestStatus.REJECTED, actor, digest, comment)

    async def _decide(
        self,
        approval_id: str,
        status: RequestStatus,
        actor: Actor,
        digest: str | None,
        comment: str,
        edits: PlanEdits | None = None,
    ) -> DecisionView:
        acts = status is RequestStatus.APPROVED
        row = await self._require_right(approval_id, RequestKind.APPROVAL, actor, comment, acts=acts)
        if acts and digest is None:  # whoever shows no digest has perhaps not seen the card: it can be seen
            await self._views.require_card(row)
            digest = row["digest"] or ""
        text = self._values.redact(comment)
        stored = None
        if edits is not None:
            stored = await self._plan_edits.stored(row, edits)
        now = self._clock.now()
        decided = await self._intake.decide(
            Decision(
                request_id=approval_id,
                kind=RequestKind.APPROVAL.value,
                actor=actor.name,
                now=now,
                payload={
                    "approval_id": approval_id,
                    "decision": status.value,
                    "comment": text,
                    "edits": stored.value if stored is not None else None,
                    "via": actor.via,
                },
                blobs=stored.blobs if stored is not None else {},
                digest=digest,
            )
        )
        return DecisionView(
            approval_id=approval_id,
            run_id=decided.run_id,
            decision=told_decision(row["step_id"], status.value, stored),
            decided_by=actor.name,
            decided_at=from_micros(now),
        )

    async def claim(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        """See facade."""
        await self._row(approval_id, RequestKind.APPROVAL)
        self.access.require(Role.APPROVER, actor)
        now = self._clock.now()
        until = now + round(self._config.claim_seconds * 1_000_000)
        await self._journal.claim_request(approval_id, RequestKind.APPROVAL, actor.name, now, until)
        return await self.approval(approval_id)

    async def release(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        """See facade."""
        await self._row(approval_id, RequestKind.APPROVAL)
        await self._journal.release_request(approval_id, actor.name)
        return await self.approval(approval_id)

    async def earlier(self, approval_id: str, *, limit: int = 5) -> tuple[ApprovalView, ...]:
        """See facade."""
        await self._row(approval_id, RequestKind.APPROVAL)
        rows = await self._journal.earlier_rows(approval_id, page_size(limit))
        return tuple([await self._views.approval(row) for row in rows])

    async def outcomes(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[OutcomeView]:
        """See facade."""
        wanted = RequestFilter(status=status, run_id=run_id, tenant=tenant)
        return await self._page(RequestKind.OUTCOME, self._outcome, wanted, limit, after)

    async def outcome(self, request_id: str) -> OutcomeView:
        """See facade."""
        return await self._outcome(await self._shown(request_id, RequestKind.OUTCOME))

    async def decide_outcome(
        self,
        request_id: str,
        decision: OutcomeDecision,
        *,
        actor: Actor,
        output: Any = None,
        comment: str = "",
    ) -> OutcomeView:
        """See facade."""
        if output is not None and decision is not OutcomeDecision.DONE:
            message = f"an output belongs to `{OutcomeDecision.DONE.value}`, not to `{decision.value}`"
            raise InvalidInput(message, {"request_id": request_id})
        acts = decision is OutcomeDecision.RUN_AGAIN
        await self._require_right(request_id, RequestKind.OUTCOME, actor, comment, acts=acts)
        stored = self._values.store(output)
        await self._intake.decide(
            Decision(
                request_id=request_id,
                kind=RequestKind.OUTCOME.value,
                actor=actor.name,
                now=self._clock.now(),
                payload={
                    "request_id": request_id,
                    "decision": decision.value,
                    "output": stored.value,
                    "comment": self._values.redact(comment),
                    "via": actor.via,
                },
                blobs=stored.blobs,
            )
        )
        return await self.outcome(request_id)

    async def _outcome(self, row: RequestViewRow) -> OutcomeView:
        steps = await self._journal.step_rows_at(row["run_id"], [row["step_id"]])
        return await self._views.outcome(row, steps[0] if steps else None)

    async def forms(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[FormView]:
        """See facade."""
        wanted = RequestFilter(status=status, run_id=run_id, tenant=tenant)
        return await self._page(RequestKind.FORM, self._views.form, wanted, limit, after)

    async def form(self, request_id: str) -> FormView:
        """See facade."""
        return await self._views.form(await self._shown(request_id, RequestKind.FORM))

    def check(self, schema: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[FieldError, ...]:
        """See facade."""
        return check_values(schema, values)

    async def token(self, request_id: str, *, actor: Actor, seconds: float = DEFAULT_SECONDS) -> AnswerToken:
        """See facade."""
        row = await self._shown(request_id, RequestKind.FORM)
        self.access.require(Role.OPERATOR, actor)
        await refuse_a_run(self._journal)
        return await issue_token(self._journal, self._clock, row, actor, seconds)

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
        """See facade."""
        row = await self._row(request_id, RequestKind.FORM)
        if token is None:
            self.access.require(Role.OPERATOR, actor)
        else:
            await require_token(self._journal, self._clock, row, token)
            actor = replace(actor, name=f"{actor.name} (by token)")
        await refuse_a_run(self._journal)
        return await self._answering.answer(row, values, comment, actor, self.access, base_dir)

    async def _page(
        self,
        kind: RequestKind,
        view: Callable[[RequestViewRow], Awaitable[V]],
        wanted: RequestFilter,
        limit: int,
        after: str | None,
    ) -> Page[V]:
        """One page of a kind of requests, oldest first."""
        size, begin = page_size(limit), cursor(after, _ID_PREFIXES[kind])
        in_view = replace(wanted, tenant=self.access.narrowed(wanted.tenant))
        rows = await self._journal.request_rows(kind, in_view, size + 1, begin)
        following = rows[size - 1]["request_id"] if len(rows) > size else None
        shown = await with_limits(self._journal, rows[:size])
        return await page_of(shown, view, lambda row: row["request_id"], following)

    async def _row(self, request_id: str, kind: RequestKind) -> RequestViewRow:
        row = await self._journal.request_row(request_id)
        if row is None or row["kind"] != kind.value or not self.access.sees(row["tenant"]):
            raise NotFound(f"there is no {kind.value} {request_id}{self.access.where}", {"id": request_id})
        return row

    async def _shown(self, request_id: str, kind: RequestKind) -> RequestViewRow:
        (row,) = await with_limits(self._journal, [await self._row(request_id, kind)])
        return row

    async def _require_right(
        self, request_id: str, kind: RequestKind, actor: Actor, comment: str, *, acts: bool
    ) -> RequestViewRow:
        """The request's row. Raises unless `actor` may decide it; `acts` when something will be done then."""
        require_comment(comment, MAX_COMMENT)
        row = await self._row(request_id, kind)
        self.access.require(Role.APPROVER, actor)
        await refuse_a_run(self._journal)
        if acts:
            await self._refuse_own(row, actor)
        return row

    async def _refuse_own(self, row: RequestViewRow, actor: Actor) -> None:
        if not self._config.rules.policies.for_pack(row["pack"]).separate_duties:
            return
        run = await self._journal.run_row(row["run_id"])
        requested_by = run["requested_by"] if run is not None else ""
        if recorded_account(requested_by) == recorded_account(actor.name):
            raise Refused(
                ErrorCode.OWN_REQUEST,
                f"{requested_by} requested this run; somebody else approves it (policies.separate_duties)",
                {"run_id": row["run_id"], "requested_by": requested_by},
            )
