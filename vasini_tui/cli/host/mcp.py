"""`vasini mcp`: agents that other programs run ask people here, over the Model Context Protocol."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from vasini_tui.cli.arguments.options import ActAs, AsJson, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.host.signals import result_or_signal, stop_requests, stopped_by
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from vasini_tui.wiring import Session


def mcp(tenant: Tenant = None, as_json: AsJson = False, act_as: ActAs = None) -> Invocation:
    """Serve an agent over stdin and stdout. It asks, people decide in the console (docs/mcp.md)."""
    return Invocation(_serve, as_json, act_as, tenant, via="mcp")


async def _serve(session: Session) -> int:
    from engine.runtime.processes import this_process  # noqa: PLC0415 - no other command needs it here
    from vasini_tui.mcp_server.desk import Desk  # noqa: PLC0415 - likewise
    from vasini_tui.mcp_server.server import serve  # noqa: PLC0415 - likewise

    patience = session.loaded.values.engine.drain_seconds
    process = await asyncio.to_thread(this_process)
    with stop_requests() as stopped:
        async with session.engine() as engine:
            desk = Desk(engine, session.actor, process)
            try:
                outcome = await result_or_signal(serve(desk, patience), stopped)
            finally:
                await desk.close()
    if isinstance(outcome, signal.Signals):
        return stopped_by(outcome)
    return ExitCode.OK
