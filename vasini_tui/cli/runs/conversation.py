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
    from collections.abc import AsyncIterator

    from engine.contracts.runs.conversation import SpokenTurn
    from engine.facade.engine import Engine
    from vasini_tui.output import Output
    from vasini_tui.wiring import Session

_PAGE = 10
"""Turns that are read at once."""
_NAMED = 20
"""Agents that are named where one has to be chosen."""


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
    async with session.engine_and_run(part) as (engine, run_id):
        agent = step_id or await only_agent(engine, run_id)
        if session.out.as_json:
            head = await engine.runs.conversation(run_id, agent, limit=1)
            turns = _turns(engine, run_id, agent)
            await session.out.long_document(head.model_dump(mode="json"), "turns", turns)
        else:
            await _write(session.out, engine, run_id, agent)
    return ExitCode.OK


async def _turns(engine: Engine, run_id: str, agent: str) -> AsyncIterator[SpokenTurn]:
    """All of them, some at a time: a long conversation is never in memory as a whole."""
    read = 0
    while turns := (await engine.runs.conversation(run_id, agent, after=read, limit=_PAGE)).turns:
        for turn in turns:
            yield turn
        read += len(turns)


async def _write(out: Output, engine: Engine, run_id: str, agent: str) -> None:
    """All of it, some turns at a time: a long one is never in memory as a whole."""
    from screens.run.conversation_text import (  # noqa: PLC0415 - no other command needs it
        end_lines,
        numbered,
        title_line,
        told_lines,
        whole_turn_lines,
    )

    found = await engine.runs.conversation(run_id, agent, limit=_PAGE)
    out.fenced((title_line(found), *told_lines(found)))
    while True:
        for number, turn in numbered(found):
            out.fenced(whole_turn_lines(number, turn))
        read = found.first + len(found.turns)
        if not found.turns or read >= found.turn_count:
            break
        found = await engine.runs.conversation(run_id, agent, after=read, limit=_PAGE)
    out.fenced(end_lines(found))


async def only_agent(engine: Engine, run_id: str) -> str:
    """Path of the run's one agent. Raises NotFound, UsageError."""
    page = await engine.runs.steps(run_id, of_type="agent", limit=_NAMED)
    agents = [step.step_id for step in page.items]
    if not agents:
        raise NotFound(f"run {run_id} has no agent", {"run_id": run_id})
    if len(agents) > 1:
        raise UsageError(f"run {run_id} has several agents; name one: {', '.join(agents)}")
    return agents[0]
