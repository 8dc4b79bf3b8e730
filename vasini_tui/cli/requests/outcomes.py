"""`vasini outcomes` and `outcome`: what became of calls that were interrupted."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.contracts.status import OutcomeDecision
from engine.errors import ErrorCode, Refused
from screens.widgets.status_labels import REQUEST_LABELS
from vasini_tui.cli.arguments.inputs import read_object
from vasini_tui.cli.arguments.options import ActAs, After, AllTenants, AsJson, Limit, OfRun, Status, Tenant
from vasini_tui.cli.arguments.statuses import OF_QUESTIONS, nothing_fits, one_status
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.requests.meant import only_one, run_or_request
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from engine.contracts.runs.request import OutcomeView
    from engine.contracts.status import RequestStatus
    from engine.facade.engine import Engine
    from vasini_tui.wiring import Session


class OutcomeWord(StrEnum):
    """What can be said of a call, as it is typed."""

    RUN_AGAIN = "run-again"
    DONE = "done"
    FAIL = "fail"


def outcomes(
    status: Status = "pending",
    run: OfRun = None,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """List interrupted calls whose outcome nobody knows. The oldest comes first."""
    action = partial(_outcomes, status=one_status(status, OF_QUESTIONS), run_id=run, limit=limit, after=after)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


def outcome(
    target: Annotated[str, typer.Argument(metavar="RUN|ID", help="Run id, or the request id of one call.")],
    word: Annotated[OutcomeWord, typer.Argument(metavar="WORD", help="`run-again`, `done` or `fail`.")],
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="JSON|@FILE|-", help="With `done`: what the call brought."),
    ] = None,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Kept with the decision.")] = "",
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Say what became of a call that was interrupted."""
    decision = OutcomeDecision(word.value.replace("-", "_"))
    brought = read_object(output, "--output") if output is not None else None
    action = partial(_outcome, target=target, decision=decision, output=brought, comment=comment)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


async def _outcomes(
    session: Session, *, status: RequestStatus | None, run_id: str | None, limit: int, after: str | None
) -> int:
    async with session.engine() as engine:
        run_id = None if run_id is None else await engine.runs.find_id(run_id)
        page = await engine.requests.outcomes(status=status, run_id=run_id, limit=limit, after=after)
    heads = ("OUTCOME", "STATUS", "RUN", "FLOW", "SUBJECT", "STEP", "CALL", "INTERRUPTED")
    nothing = nothing_fits("interrupted calls", status, narrowed=bool(run_id or after))
    session.out.page("outcomes", page, (*heads, "EXPIRES", "DECISION", "DECIDED BY"), _row, nothing=nothing)
    return ExitCode.OK


def _row(outcome: OutcomeView) -> tuple[object, ...]:
    return (
        outcome.request_id,
        REQUEST_LABELS[outcome.status].word,
        outcome.run_id,
        f"{outcome.pack}/{outcome.flow}",
        outcome.subject,
        outcome.step_id,
        outcome.action.target,
        outcome.requested_at,
        outcome.expires_at,
        outcome.decision,
        outcome.decided_by,
    )


async def _outcome(
    session: Session, *, target: str, decision: OutcomeDecision, output: dict[str, Any] | None, comment: str
) -> int:
    async with session.engine() as engine:
        request_id = await _request_of(engine, target)
        view = await engine.requests.decide_outcome(
            request_id, decision, actor=session.actor, output=output, comment=comment
        )
    if session.out.as_json:
        session.out.document(view.model_dump(mode="json"))
    else:
        session.out.line(f"{view.request_id}  {decision.value.replace('_', ' ')}, said by {view.decided_by}")
    return ExitCode.OK


async def _request_of(engine: Engine, target: str) -> str:
    """The request that is meant: by its id, or the one that a run waits with."""
    run = await run_or_request(engine, target)
    if isinstance(run, str):
        return run
    pending = (await engine.requests.outcomes(run_id=run.run_id)).items
    only = only_one(pending, run.run_id, "outcomes", what="calls", choose="name one of them")
    if only is not None:
        return only
    raise Refused(
        ErrorCode.INVALID_TRANSITION,
        f"the run {run.run_id} does not wait to hear what became of a call; it is {run.status}",
        {"run_id": run.run_id, "status": run.status},
    )
