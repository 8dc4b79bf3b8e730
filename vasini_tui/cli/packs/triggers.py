"""`vasini triggers` and `trigger`: what starts runs without a person, when next, and whether it does."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from vasini_tui.wiring import Session

_STARTS = 10


class SwitchWord(StrEnum):
    """What a trigger is told, as it is typed."""

    ON = "on"
    OFF = "off"


def triggers(
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, metavar="NUMBER", help="Starts to show.")
    ] = _STARTS,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Show the triggers of all packs, and which starts come next."""
    return Invocation(partial(_triggers, limit=limit), as_json, act_as)


def trigger(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="PACK/FLOW/TRIGGER, or TRIGGER when one is called so.")
    ],
    word: Annotated[SwitchWord, typer.Argument(metavar="WORD", help="`on` or `off`.")],
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Turn a trigger off, or on again. What came before starts nothing then."""
    action = partial(_switch, name=name, on=word is SwitchWord.ON)
    return Invocation(action, as_json, act_as)


async def _switch(session: Session, *, name: str, on: bool) -> int:
    async with session.engine() as engine:
        state = await engine.packs.switch_trigger(name, on=on, actor=session.actor)
    if session.out.as_json:
        session.out.document(state.model_dump(mode="json"))
    else:
        so = "on" if state.off is None else f"off: {state.off}"
        session.out.line(f"{state.pack}/{state.flow}/{state.trigger}  {so}")
    return ExitCode.OK


async def _triggers(session: Session, *, limit: int) -> int:
    async with session.engine() as engine:
        found = await engine.packs.triggers(limit=limit)
    if session.out.as_json:
        session.out.document(found.model_dump(mode="json"))
        return ExitCode.OK
    session.out.table(
        ("TRIGGER", "FLOW", "WHEN", "OFF BECAUSE"),
        ((each.trigger, f"{each.pack}/{each.flow}", each.on, each.off) for each in found.triggers),
    )
    session.out.line("")
    session.out.table(
        ("NEXT START", "FLOW", "TRIGGER"),
        ((each.at.isoformat(), f"{each.pack}/{each.flow}", each.trigger) for each in found.starts),
    )
    return ExitCode.OK
