"""`vasini narrow`: models of a run choose among fewer tools from their next turn on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from screens.widgets.status_labels import RUN_LABELS
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, RunId, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from vasini_tui.wiring import Session


def narrow(
    run: RunId,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="TOOL", help="Only this tool; `*` stands for any text. Repeats."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="TOOL", help="Not this tool; `*` likewise. Repeats."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="In the next turn alone.")] = False,
    lift: Annotated[bool, typer.Option("--lift", help="Lift every limit.")] = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Limit the tools that agents of a run choose among. It holds from their next turn on."""
    if lift == bool(only or without) or (lift and once):
        raise UsageError("say --only TOOL or --without TOOL, or --lift")
    call = partial(_narrow, part=run, only=only or None, without=without or [], once=once)
    return Invocation(call, as_json, act_as, tenant, all_tenants)


async def _narrow(
    session: Session, *, part: str, only: list[str] | None, without: list[str], once: bool
) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        result = await engine.runs.narrow(run_id, actor=session.actor, only=only, without=without, once=once)
    if session.out.as_json:
        session.out.document(result.model_dump(mode="json", by_alias=True))
        return ExitCode.OK
    words = [
        *([f"only {', '.join(only)}"] if only else []),
        *([f"without {', '.join(without)}"] if without else []),
    ]
    said = "; ".join(words) or "no tool is hidden any more"
    status = RUN_LABELS[result.status].word
    session.out.line(f"{result.run_id}  {status}  {'the next turn: ' if once else ''}{said}")
    return ExitCode.OK
