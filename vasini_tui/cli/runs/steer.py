"""`vasini pause`, `resume`, `cancel`, `retry` and `tell`: the verbs on a run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.contracts.status import CancelMode
from screens.widgets.status_labels import RUN_LABELS
from vasini_tui.cli.arguments.inputs import read_object
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, RunId, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from engine.contracts.runs.run import VerbResult
    from vasini_tui.wiring import Session


def pause(
    run: RunId,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Start no further step of a run."""
    return Invocation(partial(_pause, part=run), as_json, act_as, tenant, all_tenants)


def resume(
    run: RunId,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Let a paused run go on."""
    return Invocation(partial(_resume, part=run), as_json, act_as, tenant, all_tenants)


def cancel(
    run: RunId,
    now: Annotated[bool, typer.Option("--now", help="Stop the current step, not only after it.")] = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Cancel a run after its current step."""
    mode = CancelMode.NOW if now else CancelMode.BOUNDARY
    return Invocation(partial(_cancel, part=run, mode=mode), as_json, act_as, tenant, all_tenants)


def retry(
    run: RunId,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Continue a FAILED or DEAD_LETTER run at its failed step."""
    return Invocation(partial(_retry, part=run), as_json, act_as, tenant, all_tenants)


def tell(
    run: RunId,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="What to say; it is masked first.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="JSON|@FILE|-", help="What the pack's own tools get in the calls of that turn."
        ),
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Say something to a model of a run, for its next turn alone. Or give data to the tools of it."""
    if text is None and data is None:
        raise UsageError("say TEXT, or give --data")
    given = read_object(data, "--data") if data is not None else None
    call = partial(_tell, part=run, text=text or "", data=given)
    return Invocation(call, as_json, act_as, tenant, all_tenants)


async def _pause(session: Session, *, part: str) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        result = await engine.runs.pause(run_id, actor=session.actor)
    return _write(session, result)


async def _resume(session: Session, *, part: str) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        result = await engine.runs.resume(run_id, actor=session.actor)
    return _write(session, result)


async def _cancel(session: Session, *, part: str, mode: CancelMode) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        result = await engine.runs.cancel(run_id, actor=session.actor, mode=mode)
    return _write(session, result)


async def _retry(session: Session, *, part: str) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        result = await engine.runs.retry(run_id, actor=session.actor)
    return _write(session, result)


async def _tell(session: Session, *, part: str, text: str, data: dict[str, Any] | None) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        result = await engine.runs.tell(run_id, text, actor=session.actor, data=data)
    return _write(session, result)


def _write(session: Session, result: VerbResult) -> int:
    if session.out.as_json:
        session.out.document(result.model_dump(mode="json", by_alias=True))
    else:
        already = "" if result.changed else "  (nothing to change)"
        session.out.line(f"{result.run_id}  {RUN_LABELS[result.status].word}{already}")
    return ExitCode.OK
