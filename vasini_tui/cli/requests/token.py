"""`vasini token`: what lets somebody elsewhere answer one form, once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from engine.contracts.quantity import duration_seconds
from engine.contracts.times import told_time
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.requests.forms import only_form
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from vasini_tui.wiring import Session


def token(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, or the request id of one form.")],
    expires: Annotated[
        str, typer.Option("--expires", metavar="DURATION", help="How long it is good: 30m, 24h, 7d.")
    ] = "24h",
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Make a token that answers the form a run waits for, once. It is told now and never again."""
    try:
        seconds = duration_seconds(expires)
    except ValueError as error:
        raise UsageError(f"--expires: expected {error}") from None
    return Invocation(partial(_token, target=run, seconds=seconds), as_json, act_as, tenant, all_tenants)


async def _token(session: Session, *, target: str, seconds: float) -> int:
    async with session.engine() as engine:
        made = await engine.requests.token(
            await only_form(engine, target), actor=session.actor, seconds=seconds
        )
    if session.out.as_json:
        session.out.document(made.model_dump(mode="json"))
        return ExitCode.OK
    session.out.line(made.token)
    session.out.note(
        f"good once, until {told_time(made.expires_at)}: "
        f"vasini answer {made.request_id} --token @FILE --values JSON"
    )
    return ExitCode.OK
