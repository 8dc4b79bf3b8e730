"""`vasini triggers`: what starts runs without a person, and when next."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from vasini_tui.wiring import Session

_STARTS = 10


def triggers(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Starts to show.")] = _STARTS,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Show the triggers of all packs, and the starts that come next."""
    return Invocation(partial(_triggers, limit=limit), as_json, act_as)


async def _triggers(session: Session, *, limit: int) -> int:
    async with session.engine() as engine:
        found = await engine.packs.triggers(limit=limit)
    if session.out.as_json:
        session.out.document(found.model_dump(mode="json"))
        return ExitCode.OK
    session.out.table(
        ("TRIGGER", "FLOW", "ON", "OFF BECAUSE"),
        ((each.trigger, f"{each.pack}/{each.flow}", each.on, each.off) for each in found.triggers),
    )
    session.out.line("")
    session.out.table(
        ("NEXT START", "FLOW", "TRIGGER"),
        ((each.at.isoformat(), f"{each.pack}/{each.flow}", each.trigger) for each in found.starts),
    )
    return ExitCode.OK
