"""`vasini pack new`: a small pack that validates and runs as made."""

from __future__ import annotations

import asyncio
import shlex
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import InvalidInput, NotFound, PackInvalid
from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode
from vasini_tui.scaffold import NewPack, write_new_pack

if TYPE_CHECKING:
    from engine.contracts.packs.pack import PackView
    from engine.facade.engine import Engine
    from vasini_tui.wiring import Session


class Template(StrEnum):
    """What a new pack begins with."""

    TOOL = "tool"
    AGENT = "agent"
    SOP = "sop"


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Id of the new pack.")],
    template: Annotated[
        Template,
        typer.Option("--template", metavar="T", help="tool: own code; agent: all layers; sop: a procedure."),
    ] = Template.TOOL,
    parent: Annotated[
        str | None,
        typer.Option("--in", metavar="DIR", help="Make it there instead of the packs directory."),
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Write a small pack that validates and runs."""
    where = Path.cwd() / parent if parent is not None else None
    return Invocation(partial(_new, name=name, template=template, parent=where), as_json, act_as)


async def _new(session: Session, *, name: str, template: Template, parent: Path | None) -> int:
    packs = session.loaded.places.packs_dir
    async with session.engine() as engine:
        if any(pack.pack == name for pack in await engine.packs.list()):
            raise InvalidInput(f"there is a pack with the id {name} already", {"pack": name})
        new_pack = await asyncio.to_thread(write_new_pack, name, template.value, parent or packs)
        view = await _placed(engine, new_pack)
        trusted = await _trust_own_code(session, engine, name) if new_pack.target.parent == packs else False
    if session.out.as_json:
        told = {"pack": view, "directory": new_pack.target, "files": new_pack.files, "code_trusted": trusted}
        session.out.document(told)
        return ExitCode.OK
    for file in new_pack.files:
        session.out.line(f"{new_pack.target}/{file}")
    if trusted:
        session.out.line("tools.py is trusted as it was made; after an edit: vasini pack trust " + name)
    if new_pack.target.parent == packs:
        session.out.line(f"try it: vasini run {name}/main --wait")
    else:  # it is not among the packs that can be run
        session.out.line(f"check it: vasini pack validate {shlex.quote(str(new_pack.target))}")
        session.out.line(f"to run it, put it into {packs}")
    return ExitCode.OK


async def _placed(engine: Engine, new_pack: NewPack) -> PackView:
    """The pack in its place, once it is known to be whole."""
    try:
        view, problems = await engine.packs.validate(new_pack.directory)
        if not problems:
            await asyncio.to_thread(new_pack.put_in_place)
    finally:
        await asyncio.to_thread(new_pack.discard)
    if problems:
        details = {"problems": [problem.model_dump(mode="json") for problem in problems]}
        raise PackInvalid(f"a pack of this name has a problem: {problems[0]}", details)
    return view.model_copy(update={"directory": str(new_pack.target)})


async def _trust_own_code(session: Session, engine: Engine, name: str) -> bool:
    """The template's code is the release's own: whoever asked for the pack may run it as it is."""
    await engine.packs.reload()
    try:
        review = await engine.packs.code(name)
    except NotFound:
        return False
    return (await engine.packs.trust(name, review.digest, actor=session.actor)).trusted
