"""`vasini forms` and `answer`: what runs want to know from people."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from engine.contracts.status import RequestStatus
from engine.contracts.times import rfc3339, told_time
from engine.errors import AlreadyDecided, ErrorCode, NotFound, Refused
from engine.facade.pages import every_page
from screens.widgets.status_labels import REQUEST_LABELS
from vasini_tui.cli.arguments.images import Images, images_given
from vasini_tui.cli.arguments.inputs import secret_of, values_of
from vasini_tui.cli.arguments.options import ActAs, After, AllTenants, AsJson, Limit, OfRun, Status, Tenant
from vasini_tui.cli.arguments.statuses import OF_QUESTIONS, nothing_fits, one_status
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.requests.meant import only_one, run_or_request
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from engine.contracts.runs.request import FormView
    from engine.facade.engine import Engine
    from vasini_tui.wiring import Session

_AT_ONCE = 1_000


def forms(
    status: Status = "pending",
    run: OfRun = None,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """List forms, oldest first."""
    action = partial(_forms, status=one_status(status, OF_QUESTIONS), run_id=run, limit=limit, after=after)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


def answer(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, or the request id of one form.")],
    values: Annotated[
        str, typer.Option("--values", metavar="JSON|@FILE|-", help="The values, a file of them, or stdin.")
    ],
    image: Images = None,
    form: Annotated[
        str | None, typer.Option("--form", metavar="REQUEST_ID", help="Which form, when several wait.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token", metavar="@FILE|-", help="A token of this form (vasini token), from a file or stdin."
        ),
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Submit the form a run waits for."""
    if token == "-" and values == "-":  # noqa: S105 - that is stdin
        raise UsageError("--token and --values cannot both be read from stdin")
    told = secret_of(token, "--token") if token is not None else None
    given, images = values_of(values), tuple(image or ())
    action = partial(_answer, target=run, request_id=form, values=given, images=images, token=told)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


async def _forms(
    session: Session, *, status: RequestStatus | None, run_id: str | None, limit: int, after: str | None
) -> int:
    async with session.engine() as engine:
        run_id = None if run_id is None else await engine.runs.find_id(run_id)
        page = await engine.requests.forms(status=status, run_id=run_id, limit=limit, after=after)
    heads = ("FORM", "STATUS", "RUN", "FLOW", "SUBJECT", "STEP", "TITLE", "REQUESTED", "EXPIRES")
    nothing = nothing_fits("forms", status, narrowed=bool(run_id or after))
    session.out.page("forms", page, heads, _row, nothing=nothing)
    return ExitCode.OK


def _row(form: FormView) -> tuple[object, ...]:
    return (
        form.request_id,
        REQUEST_LABELS[form.status].word,
        form.run_id,
        f"{form.pack}/{form.flow}",
        form.subject,
        form.step_id,
        form.title,
        form.requested_at,
        form.expires_at,
    )


async def _answer(
    session: Session,
    *,
    target: str,
    request_id: str | None,
    values: dict[str, Any],
    images: tuple[str, ...],
    token: str | None,
) -> int:
    async with session.engine() as engine:
        if request_id is None:
            request_id = await only_form(engine, target)
        elif request_id != target:
            request_id = await engine.runs.find_id(request_id, "request")
            form = await engine.requests.form(request_id)
            if form.run_id != await engine.runs.find_id(target):
                raise NotFound(f"the run {target} has no form {request_id}", {"run_id": target})
        if images:
            form = await engine.requests.form(request_id)
            values = {**values, **images_given(form.json_schema, images, f"the form {form.title}")}
        view = await engine.requests.answer(
            request_id, values, actor=session.actor, token=token, base_dir=Path.cwd()
        )
    if session.out.as_json:
        session.out.document(view.model_dump(mode="json", by_alias=True))
    else:
        session.out.line(f"{view.request_id}  answered by {view.answered_by}")
    return ExitCode.OK


async def only_form(engine: Engine, target: str) -> str:
    """The form meant when only a run is named: its one pending form. Also takes a request id."""
    run = await run_or_request(engine, target)
    if isinstance(run, str):
        return run
    pending = (await engine.requests.forms(run_id=run.run_id)).items
    only = only_one(pending, run.run_id, "forms", what="forms", choose="choose one with --form")
    if only is not None:
        return only
    answered, latest = partial(engine.requests.forms, status=RequestStatus.ANSWERED, run_id=run.run_id), None
    async for page in every_page(lambda after: answered(limit=_AT_ONCE, after=after)):
        latest = page.items[-1] if page.items else latest
    if latest is not None:
        _refuse_answered(latest)
    raise Refused(
        ErrorCode.INVALID_TRANSITION,
        f"the run {run.run_id} waits for no form; it is {run.status}",
        {"run_id": run.run_id, "status": run.status},
    )


def _refuse_answered(form: FormView) -> NoReturn:
    when = rfc3339(form.answered_at) if form.answered_at else None
    told = told_time(form.answered_at) if form.answered_at else "an unknown time"
    raise AlreadyDecided(
        f"the form {form.request_id} was already answered by {form.answered_by} at {told}",
        {
            "request_id": form.request_id,
            "decision": "answered",
            "decided_by": form.answered_by,
            "decided_at": when,
        },
    )
