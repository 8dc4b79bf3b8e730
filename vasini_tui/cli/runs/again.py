"""`vasini rerun`: the same flow with the input of a run, and changes in it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, RunId, Tenant
from vasini_tui.cli.arguments.payload import GivenPayload, given_payload
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.packs.stale_note import pack_in_force
from vasini_tui.cli.runs.start import Assign, IdempotencyKey, Payload, Wait, input_schema, start_run

if TYPE_CHECKING:
    from engine.contracts.runs.listed import RunView
    from engine.facade.engine import Engine
    from vasini_tui.wiring import Session


def rerun(
    run: RunId,
    payload: Payload = None,
    assign: Assign = None,
    idempotency_key: IdempotencyKey = None,
    wait: Wait = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Start the flow of a run again, with changes to its input."""
    action = partial(
        _rerun,
        run_id=run,
        changes=given_payload(payload, assign or ()),
        idempotency_key=idempotency_key,
        wait=wait,
    )
    return Invocation(action, as_json, act_as, tenant, all_tenants)


async def _rerun(
    session: Session, *, run_id: str, changes: GivenPayload, idempotency_key: str | None, wait: bool
) -> int:
    async def start(engine: Engine) -> RunView:
        before = await engine.runs.summary(await engine.runs.find_id(run_id))
        in_force = await pack_in_force(engine, before.pack, session.out)
        return await engine.runs.start_again(
            before.run_id,
            changes.read(input_schema(in_force, before.flow)),
            actor=session.actor,
            idempotency_key=idempotency_key,
            base_dir=Path.cwd(),
        )

    return await start_run(session, start, wait=wait)
