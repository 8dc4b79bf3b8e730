"""`vasini pack versions`, `publish` and `diff`: published versions of packs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vasini_tui.cli.arguments.inputs import text_of_file
from vasini_tui.cli.arguments.options import ActAs, AsJson, PackId
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.packs.pack_text import diff_lines
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from vasini_tui.wiring import Session

_SIDE_HELP = "PACK (in force), PACK@VERSION (published), or a directory, written with a slash."


def versions(pack: PackId, as_json: AsJson = False, act_as: ActAs = None) -> Invocation:
    """List the published versions of a pack, the highest first."""
    return Invocation(partial(_versions, pack=pack), as_json, act_as)


def publish(
    pack: PackId,
    sbom: Annotated[
        str | None, typer.Option("--sbom", metavar="FILE", help="Bill of materials, kept with the version.")
    ] = None,
    digest: Annotated[
        str | None, typer.Option("--digest", metavar="D", help="Publish the content with this digest alone.")
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Publish a pack as it is now, under its manifest's version. It never changes then."""
    bill = text_of_file(Path(sbom), "--sbom") if sbom is not None else None
    return Invocation(partial(_publish, pack=pack, sbom=bill, digest=digest), as_json, act_as)


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help=_SIDE_HELP)],
    after: Annotated[str, typer.Argument(metavar="B", help="The same.")],
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Compare two contents of packs, layer by layer and file by file."""
    return Invocation(partial(_diff, before=_side(before), after=_side(after)), as_json, act_as)


def _side(word: str) -> str | Path:
    return Path.cwd() / word if "/" in word or word in {".", ".."} else word


async def _versions(session: Session, *, pack: str) -> int:
    async with session.engine() as engine:
        found = await engine.packs.versions(pack)
        if not found:
            await engine.packs.get(pack)  # says so when there is no such pack
    if session.out.as_json:
        session.out.document({"versions": found, "next": None})
        return ExitCode.OK
    session.out.table(
        ("VERSION", "LATEST", "PUBLISHED", "BY", "AUTHOR", "SIGNATURE", "DIGEST"),
        (
            (
                version.version,
                "latest" if version.latest else None,
                version.published_at,
                version.published_by,
                version.author,
                f"{version.signature_state} {version.signed_by or ''}".rstrip(),
                version.digest[:12],
            )
            for version in found
        ),
    )
    return ExitCode.OK


async def _publish(session: Session, *, pack: str, sbom: str | None, digest: str | None) -> int:
    async with session.engine() as engine:
        version = await engine.packs.publish(pack, actor=session.actor, sbom=sbom, digest=digest)
    if session.out.as_json:
        session.out.document({"version": version})
    else:
        session.out.line(f"{version.pack} {version.version} is published: {version.digest}")
    return ExitCode.OK


async def _diff(session: Session, *, before: str | Path, after: str | Path) -> int:
    async with session.engine() as engine:
        found = await engine.packs.diff(before, after)
    if session.out.as_json:
        session.out.document({"diff": found})
    else:
        for line in diff_lines(found):
            session.out.line(line)
    return ExitCode.OK
