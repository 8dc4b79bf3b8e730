"""`vasini prune` and `backup`: old runs gone, and a copy of the journal."""

from __future__ import annotations

from functools import partial
from pathlib import Path  # noqa: TC003 - the parser reads the annotation
from typing import TYPE_CHECKING, Annotated

import typer

from engine.contracts.status import RUN_TERMINAL
from engine.governance.access import access_of
from engine.safe_files.naming import at_home
from engine.threads import run_stoppable
from vasini_tui.cli.arguments.moments import moment_named
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, Tenant
from vasini_tui.cli.arguments.statuses import run_statuses
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode
from vasini_tui.output import format_size

if TYPE_CHECKING:
    from datetime import datetime

    from engine.contracts.status import RunStatus
    from vasini_tui.wiring import Session


def prune(
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="TIME", help="Runs that ended before: an age (30d), or a time."),
    ],
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status",
            metavar="STATUS",
            help="Only runs that ended so; those that a person rejected are `rejected`. Repeats.",
        ),
    ] = None,
    pack: Annotated[str | None, typer.Option("--pack", metavar="PACK", help="Only of this pack.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing; say what would go.")] = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Remove runs that are over: history, values and folders. What works or waits stays."""
    moment = moment_named(older_than, "--older-than")
    statuses, rejected = run_statuses(status or ())
    action = partial(_prune, moment=moment, statuses=statuses, rejected=rejected, pack=pack, dry_run=dry_run)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; it must not be there yet.")],
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Copy the journal to a file while others go on working on it."""
    return Invocation(partial(_backup, target=at_home(file).absolute()), as_json, act_as)


async def _prune(
    session: Session,
    *,
    moment: datetime,
    statuses: tuple[RunStatus, ...],
    rejected: bool | None,
    pack: str | None,
    dry_run: bool,
) -> int:
    async with session.engine() as engine:
        report = await engine.housekeeping.prune(
            moment,
            actor=session.actor,
            statuses=statuses or RUN_TERMINAL,
            rejected=rejected,
            pack=pack,
            dry_run=dry_run,
        )
    if session.out.as_json:
        session.out.document(report.model_dump(mode="json"))
        return ExitCode.OK
    verb = "would go" if dry_run else "are gone"
    session.out.line(
        f"{len(report.runs)} runs with {report.events} events {verb}, "
        f"{report.folders} folders with {format_size(report.folder_bytes)}"
    )
    if report.alerts:
        session.out.line(f"{report.alerts} alerts that had ended {verb}")
    if not dry_run:
        session.out.line(
            f"{report.values} values with {format_size(report.value_bytes)} that nothing refers to"
        )
    return ExitCode.OK


async def _backup(session: Session, *, target: Path) -> int:
    from engine.journal.sqlite.file.backup import back_up  # noqa: PLC0415 - no other command needs it

    # a copy holds what belongs to every tenant
    access_of(session.loaded.values.identity.operators, session.actor, None, all_tenants=True)
    journal = session.loaded.places.journal_file
    copy = await run_stoppable(lambda stop: back_up(journal, target, stop.check))
    if session.out.as_json:
        facts = {"path": str(copy.path), "bytes": copy.size, "schema_version": copy.schema_version}
        session.out.document({**facts, "runs": copy.runs})
    else:
        session.out.line(
            f"{copy.path}  {copy.runs} runs, {format_size(copy.size)}, schema {copy.schema_version}"
        )
        session.out.note(
            f"not in it: the folders of runs ({session.loaded.places.runs_dir}) and the settings"
        )
    return ExitCode.OK
