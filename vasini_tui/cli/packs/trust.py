"""`vasini pack trust`: a pack's code is shown, then trusted by its digest."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vasini_tui.cli.arguments.options import ActAs, AsJson, PackId
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.packs.stale_note import pack_in_force
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from engine.contracts.packs.versions import CodeReview
    from engine.facade.engine import Engine
    from vasini_tui.wiring import Session

WORD = "trust"
_PIECE = 200
"""Characters of one line of output; a longer line of code is shown in pieces, never cut."""


def trust(
    pack: PackId,
    digest: Annotated[
        str | None, typer.Option("--digest", metavar="D", help="Trust the code with this digest, unasked.")
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Show the code of a pack and let it run. It asks for a typed word."""
    return Invocation(partial(_trust, pack=pack, digest=digest), as_json, act_as)


async def _trust(session: Session, *, pack: str, digest: str | None) -> int:
    async with session.engine() as engine:
        await pack_in_force(engine, pack, session.out)
        review = await engine.packs.code(pack)
        if not session.out.as_json:
            _show(session, review)
        if not review.trusted or digest not in (None, review.digest):
            review = await _decided(session, engine, review, digest)
    if session.out.as_json:
        session.out.document({"code": review})
    elif review.trusted:
        by = f" by {review.trusted_by}" if review.trusted_by else " by the release"
        session.out.line(f"{review.file} of {review.pack} is trusted{by}")
    if not review.trusted:
        command = f"vasini pack trust {pack} --digest {review.digest}"
        session.out.note(f"nothing was trusted; scripts write: {command}")
    return ExitCode.OK if review.trusted else ExitCode.REFUSED


async def _decided(session: Session, engine: Engine, review: CodeReview, digest: str | None) -> CodeReview:
    """The review after the decision; the digest is that of what was shown."""
    if digest is not None:
        return await engine.packs.trust(review.pack, digest, actor=session.actor)
    if session.out.as_json or not sys.stdin.isatty():
        return review
    session.out.note(f"Type the word `{WORD}` to let this code run:")
    answer = await _typed_line()
    if answer.strip() != WORD:
        return review
    return await engine.packs.trust(review.pack, review.digest, actor=session.actor)


async def _typed_line() -> str:
    """A line of the terminal. The loop waits, and so hears ctrl-c; a thread that reads would not end."""
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()


def _show(session: Session, review: CodeReview) -> None:
    for number, line in enumerate(review.text.split("\n"), start=1):
        shown = line.expandtabs(4)
        for start in range(0, max(len(shown), 1), _PIECE):
            mark = f"{number:>5}" if start == 0 else "    +"
            session.out.line(f"{mark}  {shown[start : start + _PIECE]}")
    session.out.line(f"{review.pack} {review.label}  {review.file}  {review.digest}")
