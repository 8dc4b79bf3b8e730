"""`vasini ask`: say something to an agent, and read what it answers; the conversation is a run that waits."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.contracts.status import RUN_TERMINAL, RunStatus, StepStatus
from engine.errors import ErrorCode, InvalidInput, NotFound, Refused
from engine.facade.pages import every_page
from engine.json_schema.forms import skills_named
from vasini_tui.cli.arguments.images import Images, images_given
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, Tenant
from vasini_tui.cli.arguments.payload import GivenPayload, given_payload
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.packs.stale_note import pack_in_force
from vasini_tui.cli.runs.listening import BAR, listening
from vasini_tui.cli.runs.start import Assign, input_schema, work_until_at_rest
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.packs.pack import PackView
    from engine.contracts.runs.conversation import Conversation, SpokenTurn
    from engine.contracts.runs.listed import RunView
    from engine.facade.engine import Engine
    from vasini_tui.output import Output
    from vasini_tui.wiring import Session

_RUN = "run_"
_MESSAGE = "message"
_STOPPED = frozenset({ExitCode.TERMINATED, ExitCode.INTERRUPTED, ExitCode.HUNG_UP})
_UNDER_WAY = frozenset({RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.RETRYING})

_ASKED = frozenset({RunStatus.PENDING_HUMAN, RunStatus.PENDING_USER_INPUT})


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
    image: Images = None,
    end: Annotated[bool, typer.Option("--end", help="End the conversation; its run completes.")] = False,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Say something to an agent and read its answer. The conversation waits as a run: go on with RUN."""
    if end == bool((text or "").strip()):
        raise UsageError("say either TEXT or --end" if end else "TEXT says nothing")
    if end and image:
        raise UsageError("--end says nothing more, and shows nothing")
    call = partial(
        _ask,
        target=target,
        text="" if end else str(text),
        images=tuple(image or ()),
        payload=given_payload(None, assign or ()),
        fresh="--set" if assign else "--session" if session_id is not None else None,
        session_id=session_id,
    )
    return Invocation(call, as_json, act_as, tenant, all_tenants)


async def _ask(
    session: Session,
    *,
    target: str,
    text: str,
    images: Sequence[str],
    payload: GivenPayload,
    fresh: str | None,
    session_id: str | None,
) -> int:
    async with session.engine() as engine:
        pack, _, named = target.partition("/")
        if await _means_a_run(engine, target):
            if fresh is not None:
                raise UsageError(f"{fresh} is for a conversation of a pack, not for one RUN")
            return await _say(session, engine, await engine.runs.find_id(target), text, images)
        if not text and session_id is None:
            raise UsageError("--end is for a conversation: vasini ask RUN --end")
        open_one, key = await _of_session(engine, pack, session_id)
        if open_one is not None:
            return await _say(session, engine, open_one, text, images)
        if not text:
            raise NotFound(f"{pack} has no open conversation {session_id}", {"session_id": session_id})
        in_force = await pack_in_force(engine, pack, session.out)
        flow = await _flow_of(engine, in_force, pack, named)
        schema = input_schema(in_force, flow)
        shown = images_given(schema, images, f"{pack}/{flow}")
        given = {**skills_named(schema, text), **payload.read(schema), **shown}
        try:
            view = await engine.runs.start(
                pack,
                flow,
                {**given, _MESSAGE: text},
                actor=session.actor,
                idempotency_key=key,
                base_dir=Path.cwd(),
                session_id=session_id,
            )
        except Refused as refused:
            begun = (await _of_session(engine, pack, session_id))[0]
            if refused.code is not ErrorCode.IDEMPOTENCY_CONFLICT or begun is None:
                raise
            return await _say(session, engine, begun, text, images)  # somebody else began it just now
        return await _answered(session, engine, view, {})


async def _means_a_run(engine: Engine, target: str) -> bool:
    """Whether it is a part of a run's id; what is called as a pack is called means the pack."""
    if target.startswith(_RUN):
        return True
    if "/" in target or any(pack.pack == target for pack in await engine.packs.list()):
        return False
    try:
        await engine.runs.find_id(target)
    except NotFound:
        return False
    return True


async def _of_session(engine: Engine, pack: str, name: str | None) -> tuple[str | None, str | None]:
    """The open conversation of a session, and the key that lets only one of several begin the next one."""
    if name is None:
        return None, None
    known = [run for run in await engine.runs.session(name) if run.pack == pack]
    open_ones = [run.run_id for run in known if run.status not in RUN_TERMINAL]
    last = known[-1].run_id if known else "none"
    return (open_ones[-1] if open_ones else None), f"ask {pack} {name} after {last}"


async def _flow_of(engine: Engine, pack: PackView | None, name: str, wanted: str) -> str:
    """The flow that is a conversation. Raises NotFound, InvalidInput."""
    known = _talks(pack)
    found = [flow for flow in known if wanted in {"", flow.partition("/")[2]}]
    if len(found) == 1:
        return found[0].partition("/")[2]
    if known:
        what = f"{name}/{wanted} is no conversation" if wanted else f"name one flow of {name}"
        words = f"{what}; its conversations are: {', '.join(known)}"
    else:
        others = [flow for other in await engine.packs.list() for flow in _talks(other)]
        what = f"there is no run or pack {name}" if pack is None else f"{name} has no conversation"
        words = f"{what}; conversations are: {', '.join(others) or 'none in any pack'}"
        if pack is None:
            raise NotFound(words, {"pack": name, "flow": wanted or None})
    raise InvalidInput(words, {"pack": name, "flow": wanted or None})


def _talks(pack: PackView | None) -> list[str]:
    return [f"{pack.pack}/{flow.flow}" for flow in pack.flows if flow.converses] if pack is not None else []


async def _say(session: Session, engine: Engine, run_id: str, text: str, images: Sequence[str]) -> int:
    view = await engine.runs.summary(run_id)
    told = await _conversations(engine, view)
    found, before = _newest(told), _answered_before(told)
    if (found is None or found.waits_with is None) and await _waits_for_worker(engine, view):
        # of a retry, a resume, an answer of another command, or another asker
        async with listening(engine, session.out, run_id) as listener:
            view, status = await work_until_at_rest(session, engine, view, listener.close)
        if status in _STOPPED:
            session.out.note(f"{run_id} was still under way: nothing was said")
            return status
        told = await _conversations(engine, view)
        found = _newest(told)
        if listener.heard:
            before = _answered_before(told)
    if found is None or found.waits_with is None:
        message = f"the conversation {run_id} waits for no message; {_instead(view)}"
        raise Refused(ErrorCode.INVALID_TRANSITION, message, {"run_id": run_id, "status": view.status})
    shown = {"images": list(images)} if images else {}
    said = {"text": text, **shown, **skills_named(found.message_schema, text)}
    await engine.requests.answer(found.waits_with, said, actor=session.actor, base_dir=Path.cwd())
    return await _answered(session, engine, await engine.runs.summary(run_id), before)


async def _turns_since(
    engine: Engine, told: Sequence[Conversation], before: Mapping[str, int]
) -> list[SpokenTurn]:
    read = engine.runs.conversation
    since = [await read(one.run_id, one.step_id, after=before.get(one.step_id, 0)) for one in told]
    return [turn for one in since for turn in one.turns]


async def _conversations(engine: Engine, view: RunView) -> tuple[Conversation, ...]:
    """Those of the run's agents, each with its last turn; none while it came to no agent. Raises NotFound."""
    runs, agents = engine.runs, list[str]()
    async for page in every_page(lambda after: runs.steps(view.run_id, of_type="agent", after=after)):
        agents += [step.step_id for step in page.items]
    if not agents and view.status in RUN_TERMINAL:
        raise NotFound(f"run {view.run_id} has no agent", {"run_id": view.run_id})
    return tuple([await runs.conversation(view.run_id, agent, after=-1, calls=False) for agent in agents])


async def _waits_for_worker(engine: Engine, view: RunView) -> bool:
    """Whether nobody else has to do anything first: it is under way, or what it waited for was answered."""
    if view.status not in _ASKED:
        return view.status in _UNDER_WAY
    requests, run_id = engine.requests, view.run_id
    return not (
        (await requests.forms(run_id=run_id, limit=1)).items
        or (await requests.approvals(run_id=run_id, limit=1)).items
        or (await requests.outcomes(run_id=run_id, limit=1)).items
    )


def _newest(told: Sequence[Conversation]) -> Conversation | None:
    """The one that goes on: that which waits for a message, else the one that began last."""
    return next((one for one in reversed(told) if one.waits_with), told[-1] if told else None)


def _answered_before(told: Sequence[Conversation]) -> dict[str, int]:
    """How many turns of each agent were answered by then: all of them, or all but the last."""
    return {
        one.step_id: one.turn_count - sum(turn.status is not StepStatus.COMPLETED for turn in one.turns)
        for one in told
    }


def _instead(view: RunView) -> str:
    """What a run that waits for no message does, and what may be done."""
    if view.status is RunStatus.PAUSED:
        return f"its run is PAUSED: vasini resume {view.run_id}"
    waits = f" and waits for {view.waiting_for.text}" if view.waiting_for is not None else ""
    return f"its run is {view.status}{waits}"


async def _answered(session: Session, engine: Engine, view: RunView, before: dict[str, int]) -> int:
    """Work the run until it waits again, and write what was answered that was not before."""
    out = session.out
    async with listening(engine, out, view.run_id) as listener:
        view, status = await work_until_at_rest(session, engine, view, listener.close)
    told = await _conversations(engine, view)
    found, turns = _newest(told), await _turns_since(engine, told, before)
    if status is ExitCode.OK and view.waiting_for is not None and not (found and found.waits_with):
        status = ExitCode.NO_ANSWER_YET
    if out.as_json:
        written = [turn.model_dump(mode="json") for turn in turns]
        out.document({"run": view, "turns": written})
        return status
    try:
        for turn in turns:
            if turn.step_id not in listener.heard:
                _write_turn(out, turn)
            if turn.cut_off:
                out.note("the answer is cut off: its bound of tokens (max_tokens) was used up")
            if turn.provider == "scripted":
                out.note("scripted: no model was asked (docs/models.md)")
    finally:  # also where nobody reads the answer to its end
        answered = bool(turns) and turns[-1].status is StepStatus.COMPLETED and not turns[-1].calls
        _note_rest(out, view, found, stopped=status in _STOPPED, answered=answered)
    return status


def _write_turn(out: Output, turn: SpokenTurn) -> None:
    bar = BAR if out.to_terminal else ""
    out.fenced(f"{bar}{line}" for line in turn.text.splitlines())


def _note_rest(
    out: Output, view: RunView, found: Conversation | None, *, stopped: bool, answered: bool
) -> None:
    """How the run stands, and what may be done."""
    run_id = view.run_id
    if found is not None and found.waits_with is not None:
        out.note(f'go on: vasini ask {run_id} "..."   end it: vasini ask {run_id} --end')
    elif stopped and view.status not in RUN_TERMINAL:
        left = "the answer is whole" if answered else "its answer comes when it is worked again"
        out.note(f"{run_id} is left as it is, {left}.")
        out.note(f'go on: vasini ask {run_id} "..."   look: vasini conversation {run_id}')
    elif view.status is RunStatus.COMPLETED:
        out.note(f"the conversation {run_id} is over")
    elif view.status is RunStatus.PAUSED:
        out.note(f"{run_id} is paused: what was said is kept; vasini resume {run_id}, then the answer comes")
    elif view.waiting_for is not None:
        out.note(f"no answer yet: {run_id} waits for {view.waiting_for.text} (vasini show {run_id})")
    if view.error is not None:
        out.note(f"vasini: {view.error.code}: {view.error.message}")
