"""`vasini handoffs` and `handoff`: where a run may be handed off to, and doing it"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, RunId, Tenant
from vasini_tui.cli.arguments.payload import GivenPayload, given_payload
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.packs.stale_note import pack_in_force
from vasini_tui.cli.runs.start import Assign, IdempotencyKey, Payload, Wait, input_schema, start_run
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from engine.contracts.runs.listed import RunView
    from engine.facade.engine import Engine
    from vasini_tui.wiring import Session


def handoffs(
    run: RunId,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """List the packs a run may be handed off to."""
    return Invocation(partial(_handoffs, part=run), as_json, act_as, tenant, all_tenants)


def handoff(
    run: RunId,
    target: Annotated[
        str,
        typer.Argument(metavar="PACK[/FLOW]", help="What takes over; a pack's only flow need not be named."),
    ],
    payload: Payload = None,
    assign: Assign = None,
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="What the run that takes over is told.")
    ] = None,
    idempotency_key: IdempotencyKey = None,
    wait: Wait = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Start a run of another pack that takes over. Without --wait it is queued."""
    pack, slash, flow = target.partition("/")
    if not pack or (slash and not flow) or "/" in flow:
        raise UsageError(f"name what takes over as PACK or PACK/FLOW, not {target!r}; see `vasini handoffs`")
    action = partial(
        _hand_off,
        run_id=run,
        pack=pack,
        flow=flow or None,
        payload=given_payload(payload, assign or ()),
        note=note,
        idempotency_key=idempotency_key,
        wait=wait,
    )
    return Invocation(action, as_json, act_as, tenant, all_tenants)


async def _handoffs(session: Session, *, part: str) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        found = await engine.runs.handoffs(run_id)
    if session.out.as_json:
        session.out.document({"handoffs": found})
    elif not found:
        session.out.line("the pack of this run declares no handoffs")
    else:
        rows = (
            (
                view.target,
                view.context_transfer,
                ", ".join(flow.flow for flow in view.flows),
                "; ".join(view.conditions),
                view.reason,
            )
            for view in found
        )
        session.out.table(("TO", "TELLS", "FLOWS", "WHEN", "NOT NOW"), rows)
    return ExitCode.OK


async def _hand_off(
    session: Session,
    *,
    run_id: str,
    pack: str,
    flow: str | None,
    payload: GivenPayload,
    note: str | None,
    idempotency_key: str | None,
    wait: bool,
) -> int:
    async def start(engine: Engine) -> RunView:
        in_force = await pack_in_force(engine, pack, session.out)
        return await engine.runs.hand_off(
            await engine.runs.find_id(run_id),
            pack,
            flow,
            payload.read(input_schema(in_force, flow)),
            actor=session.actor,
            note=note,
            idempotency_key=idempotency_key,
            base_dir=Path.cwd(),
        )

    return await start_run(session, start, wait=wait)
