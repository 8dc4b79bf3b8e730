"""`vasini conversation`: what an agent of a run was told, what it said, what its calls brought."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import NotFound
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, RunId, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from vasini_tui.wiring import Session


def conversation(
    run: RunId,
    step: Annotated[
        str | None, typer.Argument(metavar="[STEP]", help="The agent; not needed when there is one.")
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Write the conversation of an agent of a run."""
    return Invocation(partial(_conversation, part=run, step_id=step), as_json, act_as, tenant, all_tenants)


async def _conversation(session: Session, *, part: str, step_id: str | None) -> int:
    from screens.run.conversation_text import conversation_lines  # noqa: PLC0415 - no other command needs it

    async with session.engine_and_run(part) as (engine, run_id):
        found = await engine.runs.conversation(run_id, step_id or await only_agent(engine, run_id))
        if session.out.as_json:
            session.out.document(found.model_dump(mode="json"))
        else:
            for line in conversation_lines(found):
                session.out.fenced(line)
    return ExitCode.OK


async def only_agent(engine: Engine, run_id: str) -> str:
    """Path of the run's one agent. Raises NotFound, UsageError."""
    agents = [step.step_id for step in await engine.runs.steps(run_id) if step.type == "agent"]
    if not agents:
        raise NotFound(f"run {run_id} has no agent", {"run_id": run_id})
    if len(agents) > 1:
        raise UsageError(f"run {run_id} has several agents; name one: {', '.join(agents[:20])}")
    return agents[0]
