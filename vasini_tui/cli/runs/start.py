"""`vasini run`: start a run, and with `--wait` work it here."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.contracts.status import RUN_TERMINAL, RunStatus, WaitKind
from screens.widgets.status_labels import run_label
from vasini_tui.cli.arguments.images import Images, images_given
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, Tenant
from vasini_tui.cli.arguments.payload import GivenPayload, given_payload
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.host.signals import result_or_signal, stop_requests, stopped_by
from vasini_tui.cli.packs.stale_note import pack_in_force
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.contracts.packs.pack import PackView
    from engine.contracts.runs.listed import RunView, WaitingFor
    from engine.facade.engine import Engine
    from vasini_tui.wiring import Session

Payload = Annotated[
    str | None,
    typer.Option("--input", metavar="JSON|@FILE|-", help="Start payload, a file of it, or stdin."),
]
Assign = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Set one value, read as the flow has it (a.b is inside). Repeats."
    ),
]
IdempotencyKey = Annotated[
    str | None, typer.Option("--idempotency-key", metavar="K", help="The same key starts one run only.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Work the run here until it ends or waits for a person.")]

_ANY_WORKER = "vasini worker, or an open console"
_FAILED = frozenset({RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.DEAD_LETTER})


def run(
    target: Annotated[str, typer.Argument(metavar="PACK/FLOW", help="What to start.")],
    payload: Payload = None,
    assign: Assign = None,
    image: Images = None,
    idempotency_key: IdempotencyKey = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
    wait: Wait = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Start a run. Without --wait it is queued for any worker or console."""
    pack, slash, flow = target.partition("/")
    if not (slash and pack and flow) or "/" in flow:
        raise UsageError(f"name what to start as PACK/FLOW, not {target!r}; `vasini packs` lists them")
    start = partial(
        _start,
        pack=pack,
        flow=flow,
        payload=given_payload(payload, assign or ()),
        images=tuple(image or ()),
        idempotency_key=idempotency_key,
        wait=wait,
    )
    return Invocation(start, as_json, act_as, tenant, all_tenants)


async def _start(
    session: Session,
    *,
    pack: str,
    flow: str,
    payload: GivenPayload,
    images: tuple[str, ...],
    idempotency_key: str | None,
    wait: bool,
) -> int:
    async def start(engine: Engine) -> RunView:
        schema = input_schema(await pack_in_force(engine, pack, session.out), flow)
        return await engine.runs.start(
            pack,
            flow,
            {**payload.read(schema), **images_given(schema, images, f"{pack}/{flow}")},
            actor=session.actor,
            idempotency_key=idempotency_key,
            base_dir=Path.cwd(),
            traceparent=os.environ.get("TRACEPARENT"),
        )

    return await start_run(session, start, wait=wait)


def input_schema(pack: PackView | None, flow: str | None) -> dict[str, Any]:
    """The schema of a flow's input, of the only flow when none is named; empty for what is not there."""
    flows = pack.flows if pack is not None else ()
    found = [view for view in flows if flow in {None, view.flow}]
    return found[0].input_schema if len(found) == 1 else {}


async def start_run(session: Session, start: Callable[[Engine], Awaitable[RunView]], *, wait: bool) -> int:
    """Start a run, work it here when it is waited for, and tell how it stands."""
    status = ExitCode.OK
    async with session.engine() as engine:
        view = await start(engine)
        if wait:
            view, status = await work_until_at_rest(session, engine, view)
    if session.out.as_json:
        session.out.document(view)
    else:
        _write(session, view)
        stopped = status not in {ExitCode.OK, ExitCode.RUN_FAILED}
        if stopped and view.waiting_for is None and view.status not in RUN_TERMINAL:
            session.out.line(f"any worker goes on with it: {_ANY_WORKER}")
    return status


async def work_until_at_rest(
    session: Session, engine: Engine, view: RunView, before_note: Callable[[], None] = lambda: None
) -> tuple[RunView, ExitCode]:
    """Be a worker until the run ends or waits. A signal leaves the run to any other worker, which is told at
    once; `before_note` ends a line that somebody else may have begun."""
    settings = session.loaded.values.engine
    with stop_requests() as stopped:
        async with engine.work(slots=settings.slots):
            outcome = await result_or_signal(engine.runs.wait(view.run_id), stopped)
            if isinstance(outcome, signal.Signals):
                before_note()
                seconds = f"{settings.drain_seconds:g} seconds"
                session.out.note(
                    f"stopping: what {view.run_id} is doing may end, in {seconds} at the most. Once more "
                    "leaves at once: it is begun anew when the run is worked again."
                )
    if isinstance(outcome, signal.Signals):
        return await engine.runs.summary(view.run_id), stopped_by(outcome)
    return outcome, ExitCode.RUN_FAILED if outcome.status in _FAILED else ExitCode.OK


def _write(session: Session, view: RunView) -> None:
    session.out.line(f"{view.run_id}  {run_label(view).word}  {view.pack}/{view.flow} {view.pack_version}")
    if view.waiting_for is not None:
        session.out.line(f"waits for {view.waiting_for.text}{_what_to_do(view.run_id, view.waiting_for)}")
    if view.error is not None:
        session.out.note(f"vasini: {view.error.code}: {view.error.message}")


def _what_to_do(run_id: str, waiting: WaitingFor) -> str:
    """The command that leads on, where a person has to do something."""
    commands = {
        WaitKind.FORM: f"vasini answer {run_id} --values JSON",
        WaitKind.APPROVAL: f"vasini approval {waiting.id}",
        WaitKind.OUTCOME: "vasini outcomes",
        WaitKind.WORKER: _ANY_WORKER,
        WaitKind.RESUME: f"vasini resume {run_id}",
    }
    return f": {commands[waiting.kind]}" if waiting.kind in commands else ""
