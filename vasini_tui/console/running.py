"""The console from its first frame to the exit status."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, Unavailable, VasiniError
from vasini_tui.console.app import SIGNALS, ConsoleApp
from vasini_tui.console.terminal.usable import terminal_problem

if TYPE_CHECKING:
    from engine.contracts.actor import Actor
    from vasini_tui.console.options import ConsoleOptions, Opening


async def run_console(workplace: Opening, *, actor: Actor, tenant: str, settings: ConsoleOptions) -> int:
    """Show the console until the operator leaves; returns the exit status.

    `workplace` is entered when the first frame is shown, and left at the end. The status is 0 after
    leaving, 128 + n after signal n. Raises what entering raises; Unavailable without a usable terminal,
    and when a defect ended the console: the runs are not touched by that.
    """
    problem = terminal_problem()
    if problem is not None:
        raise Unavailable(ErrorCode.ENGINE_STOPPED, problem)
    fault = settings.fault()
    if fault is not None:
        raise fault
    app = ConsoleApp(workplace, actor=actor, tenant=tenant, settings=settings)
    async with app.entered:
        try:
            status = await app.run_async()
        finally:  # only now is the terminal restored: another signal must not end the program before
            for number in SIGNALS:
                asyncio.get_running_loop().remove_signal_handler(number)
    if isinstance(app.failure, VasiniError | OSError):
        raise app.failure
    if app.failure is not None:
        words = f"The console stopped on an internal error: {type(app.failure).__name__}: {app.failure}"
        raise Unavailable(
            ErrorCode.ENGINE_STOPPED, f"{words}. Runs are kept; start it again."
        ) from app.failure
    return status or 0
