"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from vasini_tui.cli.arguments.statuses import ALL

AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON document to stdout, nothing else.")]
ActAs = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help="Act under this name, beside your account."),
]
Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="T", help="The tenant to look at instead of your first one.")
]
AllTenants = Annotated[bool, typer.Option("--all-tenants", help="Every tenant (admin).")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="NUMBER", help="Rows of one page.")]
After = Annotated[
    str | None, typer.Option("--after", metavar="CURSOR", help="Continue after `next` of the page before.")
]
PackId = Annotated[str, typer.Argument(metavar="PACK", help="Id of the pack.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Run id, or a part of it.")]
Status = Annotated[str, typer.Option("--status", metavar="STATUS", help=f"Only this one; {ALL} for all.")]
OfRun = Annotated[str | None, typer.Option("--run", metavar="RUN", help="Only those of this run.")]
