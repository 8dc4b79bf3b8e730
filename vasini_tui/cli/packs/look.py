"""`vasini packs`, `vasini pack validate` and `vasini pack show`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import ErrorCode
from vasini_tui.cli.arguments.options import ActAs, AsJson, PackId
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.packs.pack_text import pack_lines
from vasini_tui.exit_codes import EXIT_BY_ERROR, ExitCode
from vasini_tui.output import format_count

if TYPE_CHECKING:
    from engine.contracts.packs.pack import PackView, Problem
    from vasini_tui.wiring import Session


def packs(as_json: AsJson = False, act_as: ActAs = None) -> Invocation:
    """List packs and their flows, broken ones with their problems."""
    return Invocation(_packs, as_json, act_as)


def validate(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="Directory of the pack.")],
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Check a pack directory: every problem, with file and line."""
    return Invocation(partial(_validate, directory=Path.cwd() / directory), as_json, act_as)


def show(pack: PackId, as_json: AsJson = False, act_as: ActAs = None) -> Invocation:
    """Show what a pack amounts to. Its layers and where they come from, its flows, its problems."""
    return Invocation(partial(_show, pack=pack), as_json, act_as)


async def _packs(session: Session) -> int:
    async with session.engine() as engine:
        found = await engine.packs.list()
    if session.out.as_json:
        session.out.document({"packs": found, "next": None})
        return ExitCode.OK
    session.out.table(
        ("PACK", "VERSION", "STATE", "FROM", "FLOWS", "PROBLEMS"),
        (
            (
                pack.pack,
                pack.label or pack.version,
                pack.state,
                pack.source,
                tuple(flow.flow for flow in pack.flows),
                len(pack.problems) or None,
            )
            for pack in found
        ),
    )
    for pack in found:
        _write_problems(session, pack.problems)
    return ExitCode.OK


async def _show(session: Session, *, pack: str) -> int:
    async with session.engine() as engine:
        detail = await engine.packs.get(pack)
    if session.out.as_json:
        session.out.document({"pack": detail})
    else:
        for line in pack_lines(detail):
            session.out.line(line)
        _write_problems(session, (*detail.view.problems, *detail.view.not_in_force))
    return ExitCode.OK


async def _validate(session: Session, *, directory: Path) -> int:
    async with session.engine() as engine:
        pack, problems = await engine.packs.validate(directory)
    code = ErrorCode.PACK_INVALID
    message = f"{directory} has {format_count(len(problems), 'problem')}"
    if session.out.as_json:
        _write_verdict(session, pack, problems, code, message)
    else:
        _write_problems(session, problems)
        if not problems:
            flows = format_count(len(pack.flows), "flow")
            session.out.line(f"{pack.pack} {pack.version or ''} is valid: {flows}")
        _write_problems(session, pack.not_in_force)
    if not problems:
        return ExitCode.OK
    session.out.note(f"vasini: {code}: {message}")
    return EXIT_BY_ERROR[code]


def _write_verdict(
    session: Session, pack: PackView, problems: tuple[Problem, ...], code: ErrorCode, message: str
) -> None:
    """What was found, and for a broken pack the error in the shape every error has."""
    verdict: dict[str, object] = {"valid": not problems, "pack": pack, "problems": problems}
    if problems:
        verdict["error"] = {"code": code, "message": message, "details": {"problems": problems}}
    session.out.document(verdict)


def _write_problems(session: Session, problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        found = f"; found {problem.found}" if problem.found else ""
        expected = f"; expected {problem.expected}" if problem.expected else ""
        session.out.line(f"{problem}{found}{expected}")
