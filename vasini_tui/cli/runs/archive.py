"""`vasini export` and `verify`: a run taken away whole, and whether it is still as it was."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.safe_files.naming import at_home
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, RunId, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from vasini_tui.wiring import Session


def export(
    run: RunId,
    target: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="The archive; else RUN.zip in this directory.")
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Write one archive of a run and those started below it. It is whole, and masked."""
    place = at_home(target).absolute() if target is not None else None
    return Invocation(
        partial(_export, part=run, target=place, directory=Path.cwd()), as_json, act_as, tenant, all_tenants
    )


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that `vasini export` wrote.")],
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Check that an archive of a run is as it was written."""
    return Invocation(partial(_verify, file=at_home(file).absolute()), as_json, act_as)


async def _export(session: Session, *, part: str, target: Path | None, directory: Path) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        place = target or directory / f"{run_id}.zip"
        report = await engine.housekeeping.export(run_id, place, actor=session.actor)
    if session.out.as_json:
        session.out.document(report.model_dump(mode="json"))
        return ExitCode.OK
    session.out.line(f"{report.path}  {report.files} files, {report.size} bytes")
    session.out.line(f"sha256 of its manifest: {report.digest}")
    for file in report.left_out:
        session.out.note(f"left out: {file.name} ({file.size} bytes): {file.why}")
    return ExitCode.OK


async def _verify(session: Session, *, file: Path) -> int:
    from engine.runtime.archive.verifying import check_archive  # noqa: PLC0415 - no other command needs it

    manifest = await asyncio.to_thread(check_archive, file)
    if session.out.as_json:
        facts = {name: value for name, value in manifest.items() if name != "files"}
        session.out.document({**facts, "files": len(manifest["files"])})
        return ExitCode.OK
    words = f"{file} is as it was written: {len(manifest['files'])} files of run {manifest['run_id']}"
    session.out.line(f"{words}, exported {manifest['exported_at']} by {manifest['exported_by']}")
    session.out.line(f"sha256 of its manifest: {manifest['digest']}")
    return ExitCode.OK
