"""`vasini approvals`, `approval`, `approve` and `reject`: what runs may do only when a person says so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from engine.contracts.runs.listed import Page
from engine.errors import InvalidInput
from screens.widgets.status_labels import REQUEST_LABELS
from vasini_tui.cli.approval_text import write_approval
from vasini_tui.cli.arguments.inputs import plan_edits
from vasini_tui.cli.arguments.moments import optional_moment
from vasini_tui.cli.arguments.options import ActAs, After, AllTenants, AsJson, Limit, OfRun, Status, Tenant
from vasini_tui.cli.arguments.statuses import OF_APPROVALS, nothing_fits, one_status
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from engine.contracts.runs.plan import PlanEdits
    from engine.contracts.runs.request import ApprovalView, DecisionView, OutcomeView
    from engine.contracts.status import RequestStatus
    from vasini_tui.output import Output
    from vasini_tui.wiring import Session

R = TypeVar("R", "ApprovalView", "OutcomeView")

_COLUMNS = (
    "APPROVAL",
    "RISK",
    "STATUS",
    "FLOW",
    "SUBJECT",
    "STEP",
    "TITLE",
    "REQUESTED",
    "EXPIRES",
    "DECIDED BY",
)
ApprovalId = Annotated[str, typer.Argument(metavar="ID", help="Approval id.")]
Digest = Annotated[
    str | None,
    typer.Option(
        "--digest", metavar="D", help="Decide only if the approval still is what was shown with this digest."
    ),
]


def approvals(
    status: Status = "pending",
    run: OfRun = None,
    pack: Annotated[str | None, typer.Option("--pack", metavar="PACK", help="Only of this pack.")] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Only those that this person decided.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only those asked later: a time, or an age.")
    ] = None,
    before: Annotated[
        str | None, typer.Option("--before", "--until", metavar="TIME", help="Only those asked earlier.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """List approvals, oldest first. Before them stand interrupted calls whose outcome nobody knows."""
    wanted = ApprovalFilter(pack, by, optional_moment(since, "--since"), optional_moment(before, "--before"))
    action = partial(
        _approvals, status=one_status(status, OF_APPROVALS), run=run, wanted=wanted, limit=limit, after=after
    )
    return Invocation(action, as_json, act_as, tenant, all_tenants)


def approval(
    approval: ApprovalId,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Only its plan, or its call, as `approve --edit` takes it."),
    ] = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Show one approval in full. Exactly what would run, in clear, and what it would change."""
    action = partial(_approval, part=approval, plan=plan)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


def approve(
    approval: ApprovalId,
    comment: Annotated[
        str | None, typer.Option("--comment", metavar="TEXT", help="Kept with the decision.")
    ] = None,
    digest: Digest = None,
    edit: Annotated[
        str | None,
        typer.Option(
            "--edit",
            metavar="JSON|@FILE|-",
            help="The steps of a plan that stay, in their order, with other parameters; of a call the one.",
        ),
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Approve once, exactly what the approval shows. A call that is changed asks again, as it is then."""
    edits = None if edit is None else plan_edits(edit, "--edit")
    action = partial(_approve, part=approval, comment=comment, digest=digest, edits=edits)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


def reject(
    approval: ApprovalId,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why; the run gets to see it.")],
    digest: Digest = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Reject with a comment."""
    action = partial(_reject, part=approval, comment=comment, digest=digest)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """Which requests to list beside their status and run; None is any."""

    pack: str | None
    by: str | None
    since: datetime | None
    before: datetime | None

    def fits(self, view: ApprovalView | OutcomeView) -> bool:
        """Whether the request is one of them; a person is named with or without the account."""
        asked, by = view.requested_at, view.decided_by or ""
        return (
            self.pack in {None, view.pack}
            and (self.by is None or self.by in {by, by.partition(" (as ")[0]})
            and (self.since is None or asked > self.since)
            and (self.before is None or asked < self.before)
        )


async def _fitting(
    read: Callable[[int, str | None], Awaitable[Page[R]]],
    wanted: ApprovalFilter,
    limit: int,
    after: str | None = None,
) -> Page[R]:
    """The next `limit` requests that are wanted, however many others stand between them."""
    found: list[R] = []
    unreadable: list[str] = []
    while True:
        page = await read(limit - len(found), after)
        found += filter(wanted.fits, page.items)
        unreadable += page.unreadable
        after = page.next
        if after is None or len(found) == limit:
            return Page(items=tuple(found), next=after, unreadable=tuple(unreadable))


async def _approvals(
    session: Session,
    *,
    status: RequestStatus | None,
    run: str | None,
    wanted: ApprovalFilter,
    limit: int,
    after: str | None,
) -> int:
    async with session.engine() as engine:
        run_id = None if run is None else await engine.runs.find_id(run)
        requests = engine.requests

        def approvals(some: int, after: str | None) -> Awaitable[Page[ApprovalView]]:
            return requests.approvals(status=status, run_id=run_id, limit=some, after=after)

        def outcomes(some: int, after: str | None) -> Awaitable[Page[OutcomeView]]:
            return requests.outcomes(status=status, run_id=run_id, limit=some, after=after)

        page = await _fitting(approvals, wanted, limit, after)
        if session.out.as_json:  # whoever decides by these has to see what would run
            shown = [
                await engine.requests.approval(item.approval_id, viewer=session.actor) for item in page.items
            ]
            page = Page(items=tuple(shown), next=page.next, unreadable=page.unreadable)
        interrupted: Page[OutcomeView] = Page(items=(), next=None)
        if after is None:
            interrupted = await _fitting(outcomes, wanted, limit)
    narrowed = bool(run_id or after) or wanted != ApprovalFilter(None, None, None, None)
    _write_list(session.out, page, interrupted, nothing_fits("approvals", status, narrowed=narrowed))
    return ExitCode.OK


def _write_list(out: Output, page: Page[ApprovalView], interrupted: Page[OutcomeView], nothing: str) -> None:
    left_out = out.left_out((*interrupted.unreadable, *page.unreadable))
    if interrupted.next is not None:
        out.note("there are more interrupted calls: vasini outcomes")
    if out.as_json:
        out.document({"approvals": page.items, "outcomes": interrupted.items, "next": page.next, **left_out})
        return
    out.table(_COLUMNS, (*map(_outcome_row, interrupted.items), *map(_approval_row, page.items)))
    if not page.items and not interrupted.items:
        out.note(nothing)
    out.next_page(page.next)


async def _approval(session: Session, *, part: str, plan: bool) -> int:
    async with session.engine_and_request(part) as (engine, approval_id):
        view = await engine.requests.approval(approval_id, viewer=session.actor)
        money = await engine.budget.outlook(view.run_id, view.step_id)
    if plan:
        if not view.changeable_steps:
            message = f"approval {approval_id} shows no plan, nor a call that a model chose"
            raise InvalidInput(message, {"approval_id": approval_id})
        steps = [step.model_dump(include={"step_id", "params"}) for step in view.changeable_steps]
        session.out.document({"steps": steps}, indent=None if session.out.as_json else 2)
    elif session.out.as_json:
        told = {**view.model_dump(mode="json", by_alias=True), "money": money.model_dump(mode="json")}
        session.out.document(told)
    else:
        write_approval(session.out, view, money.words)
    return ExitCode.OK


def _approval_row(item: ApprovalView) -> tuple[object, ...]:
    return (
        item.approval_id,
        item.risk,
        REQUEST_LABELS[item.status].word,
        f"{item.pack}/{item.flow}",
        item.subject,
        item.step_id,
        item.title,
        item.requested_at,
        item.expires_at,
        item.decided_by,
    )


def _outcome_row(item: OutcomeView) -> tuple[object, ...]:
    title = f"What became of {item.action.target or item.action.kind}? (vasini outcome)"
    return (
        item.request_id,
        None,
        REQUEST_LABELS[item.status].word,
        f"{item.pack}/{item.flow}",
        item.subject,
        item.step_id,
        title,
        item.requested_at,
        item.expires_at,
        item.decided_by,
    )


async def _approve(
    session: Session, *, part: str, comment: str | None, digest: str | None, edits: PlanEdits | None
) -> int:
    async with session.engine_and_request(part) as (engine, approval_id):
        decision = await engine.requests.approve(
            approval_id, actor=session.actor, digest=digest, comment=comment, edits=edits
        )
        shown = await engine.requests.approval(approval_id) if edits is not None else None
    if shown is not None and shown.changeable and shown.changes is not None:
        session.out.note("The call was changed: it is not made, but asks again as it is now.")
    return _write_decision(session, decision)


async def _reject(session: Session, *, part: str, comment: str, digest: str | None) -> int:
    async with session.engine_and_request(part) as (engine, approval_id):
        decision = await engine.requests.reject(
            approval_id, actor=session.actor, comment=comment, digest=digest
        )
    return _write_decision(session, decision)


def _write_decision(session: Session, decision: DecisionView) -> int:
    if session.out.as_json:
        session.out.document(decision.model_dump(mode="json", by_alias=True))
    else:
        session.out.line(f"{decision.approval_id}  {decision.decision} by {decision.decided_by}")
    return ExitCode.OK
