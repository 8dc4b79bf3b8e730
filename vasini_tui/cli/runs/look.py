"""`vasini runs`, `show` and `events`: reading, never changing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from engine.contracts.runs.listed import RunFilter, RunSort
from engine.contracts.status import RUN_TERMINAL
from engine.contracts.times import rfc3339
from engine.facade.pages import every_page
from screens.widgets.ages import span
from screens.widgets.status_labels import run_label
from vasini_tui.cli.arguments.moments import optional_moment
from vasini_tui.cli.arguments.options import ActAs, After, AllTenants, AsJson, Limit, RunId, Tenant
from vasini_tui.cli.arguments.statuses import ALL, REJECTED, run_statuses
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.runs.run_text import ToldSteps, write_run
from vasini_tui.exit_codes import ExitCode, UsageError
from vasini_tui.output import json_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.contracts.runs.listed import RunSummary
    from engine.contracts.runs.run import EventView, StepView
    from engine.facade.engine import Engine
    from engine.facade.runs import Runs
    from vasini_tui.output import Output
    from vasini_tui.wiring import Session

_EVENTS_AT_ONCE = 500

_FIRST_RUN = "vasini run hello/hello --wait"
_HEADS = ("RUN", "STATUS", "FLOW", "SUBJECT", "STEP", "WHY", "TOOK", "BY", "CREATED")


_Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", metavar="STATUS", help=f"Only these, also {REJECTED}; {ALL} for all. Repeats."),
]
_OfPack = Annotated[str | None, typer.Option("--pack", metavar="PACK", help="Only of this pack.")]
_OfFlow = Annotated[
    str | None, typer.Option("--flow", metavar="FLOW", help="Only of this flow; also PACK/FLOW.")
]
_RequestedBy = Annotated[
    str | None, typer.Option("--requested-by", metavar="NAME", help="Only those of this person.")
]
_Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Only younger ones: a time, or an age (2h).")
]
_Before = Annotated[
    str | None,
    typer.Option("--before", "--until", metavar="TIME", help="Only older ones: a time, or an age."),
]
_EndedSince = Annotated[
    str | None, typer.Option("--ended-since", metavar="TIME", help="Only those that ended after that.")
]
_EndedBefore = Annotated[
    str | None, typer.Option("--ended-before", metavar="TIME", help="Only those that ended before it.")
]
_WithError = Annotated[
    str | None, typer.Option("--error", metavar="CODE", help="Only those that failed with this code.")
]
_WithWords = Annotated[
    str | None,
    typer.Option(
        "--words", metavar="TEXT", help="Only those with these words in title, input, error or output."
    ),
]
_OfParent = Annotated[
    str | None, typer.Option("--parent", metavar="RUN", help="Only those that steps of this run started.")
]
_OfSession = Annotated[
    str | None, typer.Option("--session", metavar="NAME", help="Only those of this session; no other filter.")
]
_WithText = Annotated[
    str | None,
    typer.Option(
        "--text", metavar="TEXT", help="Found in pack, flow, requester, status; in ids if it has a digit."
    ),
]
_Order = Annotated[str, typer.Option("--sort", metavar="ORDER", help=f"{', '.join(RunSort)}.")]


def runs(
    status: _Statuses = None,
    pack: _OfPack = None,
    flow: _OfFlow = None,
    requested_by: _RequestedBy = None,
    since: _Since = None,
    before: _Before = None,
    ended_since: _EndedSince = None,
    ended_before: _EndedBefore = None,
    error: _WithError = None,
    words: _WithWords = None,
    parent: _OfParent = None,
    session_id: _OfSession = None,
    text: _WithText = None,
    sort: _Order = RunSort.NEWEST.value,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """List runs, newest first."""
    statuses, rejected = run_statuses(status or ())
    pack, flow = _pack_and_flow(pack, flow)
    filters = RunFilter(
        status=statuses,
        rejected=rejected,
        parent=parent,
        error=error,
        words=words,
        ended_after=optional_moment(ended_since, "--ended-since"),
        ended_before=optional_moment(ended_before, "--ended-before"),
        pack=pack,
        flow=flow,
        requested_by=requested_by,
        created_after=optional_moment(since, "--since"),
        created_before=optional_moment(before, "--before"),
        text=text,
    )
    if session_id is not None:
        if filters != RunFilter() or (sort, limit, after) != (RunSort.NEWEST.value, 50, None):
            raise UsageError("--session goes with no other filter, order or page: it lists all of them")
        return Invocation(partial(_session, session_id=session_id), as_json, act_as, tenant, all_tenants)
    action = partial(_runs, filters=filters, sort=_order_named(sort), limit=limit, after=after)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


def _pack_and_flow(pack: str | None, flow: str | None) -> tuple[str | None, str | None]:
    """A flow may be named as the list names it. Raises UsageError when that names another pack."""
    if flow is None or "/" not in flow:
        return pack, flow
    of_flow, _, name = flow.partition("/")
    if not of_flow or not name:
        raise UsageError(f"--flow takes FLOW or PACK/FLOW, not {flow!r}")
    if pack not in (None, of_flow):
        raise UsageError(f"--flow {flow} is of another pack than --pack {pack}")
    return of_flow, name


def _order_named(name: str) -> RunSort:
    try:
        return RunSort(name.lower())
    except ValueError:
        raise UsageError(f"--sort knows {', '.join(RunSort)}; not {name!r}") from None


def show(
    run: RunId,
    snapshot: Annotated[
        bool, typer.Option("--snapshot", help="Only what its agents stand at, as one JSON document.")
    ] = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Show one run with its steps, approvals, forms and files."""
    action = partial(_snapshot if snapshot else _show, part=run)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


def events(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Run id, or a part of it.")] = None,
    of_all: Annotated[bool, typer.Option("--all", help="Of every run, in the order of the journal.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until the run has ended; with --all until ctrl-c.")
    ] = False,
    after: Annotated[
        int,
        typer.Option("--after", min=0, metavar="NUMBER", help="Only later ones: run_seq, or seq with --all"),
    ] = 0,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="NUMBER", help="At most so many.")
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
) -> Invocation:
    """Write the history of a run, or of all, one line per event."""
    if (run is None) != of_all:
        raise UsageError("name one run, or write --all")
    if run is None:
        every = partial(_every, follow=follow, after=after, limit=limit)
        return Invocation(every, as_json, act_as, tenant, all_tenants)
    action = partial(_follow if follow else _history, part=run, after=after, limit=limit)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


async def _runs(session: Session, *, filters: RunFilter, sort: RunSort, limit: int, after: str | None) -> int:
    async with session.engine() as engine:
        if filters.parent is not None:
            filters = replace(filters, parent=await engine.runs.find_id(filters.parent))
        page = await engine.runs.list(filters, sort=sort, limit=limit, after=after)
    nothing = "no run fits" if filters != RunFilter() or after else f"no runs yet; `{_FIRST_RUN}` starts one"
    session.out.page("runs", page, _HEADS, _row, nothing=nothing)
    return ExitCode.OK


async def _session(session: Session, *, session_id: str) -> int:
    async with session.engine() as engine:
        found = await engine.runs.session(session_id)
    if session.out.as_json:
        session.out.document({"runs": found, "next": None})
    else:
        session.out.table(_HEADS, map(_row, found))
        if not found:
            session.out.note(f"no run is of the session {session_id}")
    return ExitCode.OK


def _row(run: RunSummary) -> tuple[object, ...]:
    return (
        run.run_id,
        run_label(run).word,
        _flow(run),
        run.subject,
        run.current_step,
        _why(run),
        span(run.started_at, run.finished_at),
        run.requested_by,
        run.created_at,
    )


def _flow(run: RunSummary) -> str:
    """Its flow; with a mark when a step of another run started it, and how many its own steps started."""
    below = f" +{run.children}" if run.children else ""
    return f"{'↳ ' if run.parent_run_id else ''}{run.flow_text}{below}"


def _why(run: RunSummary) -> str | None:
    """What a run waits for, or why it failed."""
    if run.waiting_for is not None:
        return run.waiting_for.text
    return f"{run.error.code}: {run.error.message}" if run.error is not None else None


async def _show(session: Session, *, part: str) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        detail = await engine.runs.get(run_id, steps=False)
        steps = _steps(engine.runs, run_id)
        if session.out.as_json:
            document = detail.model_dump(mode="json", by_alias=True)
            await session.out.long_document(document, "steps", steps)
        else:
            told = ToldSteps()
            async for step in steps:
                told.add(step)
            write_run(session.out, detail, told)
    return ExitCode.OK


async def _steps(runs: Runs, run_id: str) -> AsyncIterator[StepView]:
    async for page in every_page(lambda after: runs.steps(run_id, after=after)):
        for step in page.items:
            yield step


async def _snapshot(session: Session, *, part: str) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        found = await engine.runs.snapshot(run_id)
    session.out.document(found.model_dump(mode="json"), indent=None if session.out.as_json else 2)
    return ExitCode.OK


async def _history(session: Session, *, part: str, after: int, limit: int | None) -> int:
    async with session.engine_and_run(part) as (engine, run_id):
        await _write_events(session.out, engine, run_id, after, limit)
    return ExitCode.OK


async def _follow(session: Session, *, part: str, after: int, limit: int | None) -> int:
    """The feed says only that there is news; the journal is read, so that no event is missed."""
    from engine.facade.feed import Topic  # noqa: PLC0415 - a list that is read once hears no news

    async with (
        session.engine_and_run(part) as (engine, run_id),
        engine.feed.subscribe(run_id=run_id, topics={Topic.EVENTS}) as feed,
    ):
        last, left = after, limit
        while True:
            # Status first: when it is an end, all events up to it are read below.
            view = await engine.runs.summary(run_id)
            last, left = await _write_events(session.out, engine, run_id, last, left)
            if left == 0 or view.status in RUN_TERMINAL:
                return ExitCode.OK
            if await anext(feed, None) is None:
                return ExitCode.OK


async def _every(session: Session, *, follow: bool, after: int, limit: int | None) -> int:
    """The same of every run: it has no end while it is followed."""
    from engine.facade.feed import Topic  # noqa: PLC0415 - see above

    async with session.engine() as engine, engine.feed.subscribe(topics={Topic.EVENTS}) as feed:
        left = limit
        while True:
            page = await engine.runs.all_events(after_seq=after, limit=_EVENTS_AT_ONCE)
            for event in page.events[:left]:
                _write_event(session.out, event, of_all=True)
            after, left = page.next, None if left is None else left - len(page.events)
            if left is not None and left <= 0:  # enough is written: nothing is waited for
                break
            if page.ended and (not follow or await anext(feed, None) is None):
                break
    return ExitCode.OK


async def _write_events(
    out: Output, engine: Engine, run_id: str, after: int, limit: int | None
) -> tuple[int, int | None]:
    """Write everything after `after`; the last run_seq written, and how many may still follow."""
    while limit is None or limit > 0:
        wanted = _EVENTS_AT_ONCE if limit is None else min(limit, _EVENTS_AT_ONCE)
        batch = await engine.runs.events(run_id, after_run_seq=after, limit=wanted)
        for event in batch:
            _write_event(out, event)
        if batch:
            after = batch[-1].run_seq
            limit = None if limit is None else limit - len(batch)
        if len(batch) < wanted:
            break
    return after, limit


def _write_event(out: Output, event: EventView, *, of_all: bool = False) -> None:
    if out.as_json:
        out.document(event.model_dump(mode="json", by_alias=True))
        return
    place = f"  {event.step_id}" if event.step_id else ""
    payload = f"  {json_text(event.payload)}" if event.payload else ""
    number = f"{event.seq:>7}  {event.run_id}" if of_all else f"{event.run_seq:>5}"
    out.line(f"{number}  {rfc3339(event.ts)}  {event.kind}{place}  by {event.actor}{payload}")
