"""A parsed command, and the options every command shares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

import typer

from vasini_tui.wiring import Session

Action = Callable[[Session], Awaitable[int]]

AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON document to stdout, nothing else.")]
ActAs = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Act under this name (refused over ssh).")
]
Tenant = Annotated[str, typer.Option("--tenant", metavar="T", help="Tenant the runs belong to.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Rows of one page.")]
After = Annotated[
    str | None, typer.Option("--after", metavar="CURSOR", help="Continue after `next` of the page before.")
]
PackId = Annotated[str, typer.Argument(metavar="PACK", help="Id of the pack.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Run id.")]


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the command line asked for. `tolerant`: do it even when the settings are faulty."""

    action: Action
    as_json: bool = False
    act_as: str | None = None
    tolerant: bool = False
