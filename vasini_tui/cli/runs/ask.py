"""`vasini ask`: say something to an agent, and read what it answers; the conversation is a run that waits."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.contracts.status import RUN_TERMINAL, RunStatus, StepStatus
from engine.errors import ErrorCode, InvalidInput, NotFound, Refused
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, Tenant
from vasini_tui.cli.arguments.payload import GivenPayload, given_payload
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.packs.stale_note import pack_in_force
from vasini_tui.cli.runs.conversation import only_agent
from vasini_tui.cli.runs.start import Assign, input_schema, work_until_at_rest
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from engine.contracts.packs.pack import PackView
    from engine.contracts.runs.conversation import Conversation
    from engine.contracts.runs.run import RunView
    from engine.facade.engine import Engine
    from vasini_tui.wiring import Session

_RUN = "run_"
_MESSAGE = "message"
_UNDER_WAY = frozenset({RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.RETRYING})


def ask(
    target: Annotated[
        str,
        typer.Argument(metavar="PACK|PACK/FLOW|RUN", help="Whom to ask, or the conversation to go on with."),
    ],
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="What to say.")] = None,
    assign: Assign = None,
    session_id: Annotated[
        str | None,
        typer.Option("--session", metavar="NAME", help="Go on with that one, or begin it."),
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="End the conversation; its run completes.")] = False,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Say something to an agent and read its answer. The conversation waits as a run: go on with RUN."""
    going_on = target.startswith(_RUN)
    if end and not going_on and session_id is None:
        raise UsageError("--end is for a conversation: vasini ask RUN --end")
    if going_on and session_id is not None:
        raise UsageError("a RUN has its session already")
    if end == bool((text or "").strip()):
        raise UsageError("say either TEXT or --end" if end else "TEXT says nothing")
    if going_on and assign:
        raise UsageError("--set is for a new conversation")
    words = "" if end else str(text)
    given = given_payload(None, assign or ())
    call = (
        partial(_go_on, part=target, text=words)
        if going_on
        else partial(_begin, target=target, text=words, payload=given, session_id=session_id)
    )
    return Invocation(call, as_json, act_as, tenant, all_tenants)


async def _begin(
    session: Session, *, target: str, text: str, payload: GivenPayload, session_id: str | None
) -> int:
    async with session.engine() as engine:
        pack, _, named = target.partition("/")
        if session_id is not None:
            known = [run for run in await engine.runs.session(session_id) if run.pack == pack]
            if open_ones := [run for run in known if run.status not in RUN_TERMINAL]:
                return await _say(session, engine, open_ones[-1].run_id, text)
            if not text:
                raise NotFound(f"{pack} has no open conversation {session_id}", {"session_id": session_id})
        in_force = await pack_in_force(engine, pack, session.out)
        flow = _flow_of(in_force, pack, named)
        given = payload.read(input_schema(in_force, flow))
        view = await engine.runs.start(
            pack,
            flow,
            {**given, _MESSAGE: text},
            actor=session.actor,
            base_dir=Path.cwd(),
            session_id=session_id,
        )
        return await _answered(session, engine, view, 0)


def _flow_of(pack: PackView | None, name: str, wanted: str) -> str:
    """The flow that is a conversation. Raises InvalidInput."""
    flows = [flow for flow in (pack.flows if pack is not None else ()) if flow.converses]
    found = [flow.flow for flow in flows if wanted in {"", flow.flow}]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{name}/{flow.flow}" for flow in flows) or "none"
    what = f"{name}/{wanted} is no conversation" if wanted else f"name one flow of {name}"
    raise InvalidInput(f"{what}; its conversations are: {known}", {"pack": name, "flow": wanted or None})


async def _go_on(session: Session, *, part: str, text: str) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        return await _say(session, engine, run_id, text)


async def _say(session: Session, engine: Engine, run_id: str, text: str) -> int:
    agent = await only_agent(engine, run_id)
    found = await engine.runs.conversation(run_id, agent)
    before = sum(turn.status is StepStatus.COMPLETED for turn in found.turns)
    view = await engine.runs.summary(run_id)
    if found.waits_with is None and view.status in _UNDER_WAY:  # of a retry, a resume, or another asker
        view, status = await work_until_at_rest(engine, view, session.loaded.values.engine.slots)
        if status in {ExitCode.TERMINATED, ExitCode.INTERRUPTED}:
            session.out.note(f"{run_id} was still under way: nothing was said")
            return status
        found = await engine.runs.conversation(run_id, agent)
    if found.waits_with is None:
        message = f"the conversation {run_id} waits for no message; its run is {view.status}"
        raise Refused(ErrorCode.INVALID_TRANSITION, message, {"run_id": run_id, "status": view.status})
    await engine.requests.answer(found.waits_with, {"text": text}, actor=session.actor)
    return await _answered(session, engine, await engine.runs.summary(run_id), before)


async def _answered(session: Session, engine: Engine, view: RunView, before: int) -> int:
    """Work the run until it waits again, and write what was answered since so many turns."""
    view, status = await work_until_at_rest(engine, view, session.loaded.values.engine.slots)
    found = await engine.runs.conversation(view.run_id, await only_agent(engine, view.run_id))
    if session.out.as_json:
        turns = [turn.model_dump(mode="json") for turn in found.turns[before:]]
        session.out.document({"run": view.model_dump(mode="json", by_alias=True), "turns": turns})
        return status
    _write(session, view, found, before)
    return status


def _write(session: Session, view: RunView, found: Conversation, before: int) -> None:
    for turn in found.turns[before:]:
        for line in turn.text.splitlines():
            session.out.line(line)
        if turn.provider == "scripted":
            session.out.note("scripted: no model was asked (docs/models.md)")
    if found.waits_with is not None:
        session.out.note(f'go on: vasini ask {view.run_id} "..."   end it: vasini ask {view.run_id} --end')
    elif view.status is RunStatus.COMPLETED:
        session.out.note(f"the conversation {view.run_id} is over")
    elif view.waiting_for is not None:
        session.out.note(f"{view.run_id} waits for {view.waiting_for.text}")
    if view.error is not None:
        session.out.note(f"vasini: {view.error.code}: {view.error.message}")
