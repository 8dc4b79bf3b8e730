"""`vasini flag`: a run that told what is not so counts for the hallucination rate of its pack."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, RunId, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from vasini_tui.wiring import Session


def flag(
    run: RunId,
    hallucination: Annotated[bool, typer.Option("--hallucination", help="It told what is not so.")] = False,
    off: Annotated[bool, typer.Option("--off", help="Take that back.")] = False,
    comment: Annotated[
        str, typer.Option("--comment", metavar="TEXT", help="What is not so; it is kept.")
    ] = "",
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Say that a run told what is not so. It counts for the hallucination rate of its pack."""
    if hallucination == off:
        raise UsageError("say --hallucination, or --off")
    return Invocation(
        partial(_flag, part=run, comment=comment, off=off), as_json, act_as, tenant, all_tenants
    )


async def _flag(session: Session, *, part: str, comment: str, off: bool) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        flags = engine.levels.unflag if off else engine.levels.flag
        changed = await flags(run_id, comment, actor=session.actor)
    if session.out.as_json:
        session.out.document({"run_id": run_id, "flagged": not off, "changed": changed})
    else:
        words = "is flagged no more" if off else "is flagged"
        session.out.line(f"{run_id}  {words}{'' if changed else '  (nothing to change)'}")
    return ExitCode.OK
