"""`vasini worker`: a process that works runs."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.host.signals import result_or_signal, stop_requests
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from vasini_tui.wiring import Session


def worker(
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when no run can move on without a person or a timer.")
    ] = False,
    slots: Annotated[
        int | None, typer.Option("--slots", min=1, max=10_000, metavar="N", help="Runs worked at once.")
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Work runs until SIGTERM, SIGINT or SIGHUP. Running steps may end first (engine.drain_seconds)."""
    return Invocation(partial(_work, until_idle=until_idle, slots=slots), as_json, act_as)


async def _work(session: Session, *, until_idle: bool, slots: int | None) -> int:
    ended = "idle"
    with stop_requests() as stopped:
        async with session.whole_engine() as engine:
            async with engine.work(slots=slots or session.loaded.values.engine.slots) as working:
                session.out.note(f"worker {working.worker_id} started; SIGTERM or ctrl-c stops it")
                until = working.idle() if until_idle else working.journal_lost()
                outcome = await result_or_signal(until, stopped)
                if isinstance(outcome, signal.Signals):
                    ended = outcome.name
            session.out.note(f"worker {working.worker_id} stopped ({ended})")
    if session.out.as_json:
        session.out.document({"worker_id": working.worker_id, "stopped_by": ended})
    return ExitCode.OK
