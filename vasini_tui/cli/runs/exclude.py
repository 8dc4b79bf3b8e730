"""`vasini exclude`: a failed run that does not count for the service level of its pack."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, RunId, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from vasini_tui.wiring import Session


def exclude(
    run: RunId,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it was no fault of the pack.")],
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Let a failed run not count in its pack's service level."""
    return Invocation(partial(_exclude, part=run, reason=reason), as_json, act_as, tenant, all_tenants)


async def _exclude(session: Session, *, part: str, reason: str) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        changed = await engine.levels.exclude(run_id, reason, actor=session.actor)
    if session.out.as_json:
        session.out.document({"run_id": run_id, "excluded": True, "changed": changed})
    else:
        session.out.line(f"{run_id}  does not count{'' if changed else '  (nothing to change)'}")
    return ExitCode.OK
