"""`vasini logs`: what the calls of a run wrote while they ran."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from engine.contracts.status import RUN_TERMINAL
from engine.contracts.times import rfc3339
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, RunId, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from engine.contracts.runs.run import OutputLine
    from vasini_tui.output import Output
    from vasini_tui.wiring import Session


def logs(
    run: RunId,
    step: Annotated[
        str | None, typer.Argument(metavar="[STEP]", help="Only of this step, and of those below it.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run has ended.")] = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Write what commands and tools of a run wrote while they ran."""
    action = partial(_logs, part=run, step_id=step, follow=follow)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


async def _logs(session: Session, *, part: str, step_id: str | None, follow: bool) -> int:
    """Lines make no events: a run that is followed is looked at as often as the journal is."""
    async with session.engine_and_run(part) as (engine, run_id):
        place, silent = 0, True
        while True:
            # Status first: when it is an end, everything that was written is read below.
            over = (await engine.runs.summary(run_id)).status in RUN_TERMINAL
            page = await engine.runs.output(run_id, step_id=step_id, after=place)
            for line in page.lines:
                _write(session.out, line)
                silent = False
            place = page.next
            if page.ended:
                if over or not follow:
                    if silent and step_id is not None:
                        await engine.runs.step(run_id, step_id)  # one that is not there is told
                    return ExitCode.OK
                await asyncio.sleep(session.loaded.values.engine.poll_seconds)


def _write(out: Output, line: OutputLine) -> None:
    if out.as_json:
        out.document(line.model_dump(mode="json"))
        return
    mark = "!" if line.stream == "err" else "|"
    out.line(f"{rfc3339(line.ts)}  {line.step_id} {mark} {line.text}")
