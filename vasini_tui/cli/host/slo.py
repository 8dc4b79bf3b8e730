"""`vasini slo`: whether packs keep what they promise, and how many more runs may fail."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from screens.widgets.numbers import percent, percent_cell, percent_of_bad
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.host.tenants import note_unknown_tenant
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.governing.slo import AlertView, HallucinationView, PeopleView, ServiceLevel
    from engine.facade.levels import LevelSummary
    from vasini_tui.output import Output
    from vasini_tui.wiring import Session

_HEADS = ("PACK", "RUNS", "OK %", "GOAL", "MAY FAIL", "BURN 6h/1d", "P95", "STATE")
"""What fits into 80 columns; tenants where there are several, the rest for one pack."""


def slo(
    pack: Annotated[str | None, typer.Argument(metavar="[PACK]", help="Show one pack in full.")] = None,
    window: Annotated[
        int | None,
        typer.Option("--window", metavar="DAYS", min=1, max=90, help="Days to look at, for every pack."),
    ] = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Show the service level of every pack, the worst first."""
    action = partial(_list, window=window) if pack is None else partial(_one, pack=pack, window=window)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


async def _list(session: Session, *, window: int | None) -> int:
    async with session.engine() as engine:
        if session.out.as_json:
            session.out.document({"levels": await engine.levels.list(window_days=window)})
        else:
            _tell_all(session.out, await engine.levels.summaries(window_days=window))
        await note_unknown_tenant(session, engine)
    return ExitCode.OK


def _tell_all(out: Output, levels: Sequence[LevelSummary]) -> None:
    several = len({level.tenant for level in levels}) > 1
    heads = ("TENANT", *_HEADS) if several else _HEADS
    out.table(heads, ((level.tenant, *_row(level)) if several else _row(level) for level in levels))


async def _one(session: Session, *, pack: str, window: int | None) -> int:
    async with session.engine() as engine:
        found = await engine.levels.get(pack, window_days=window)
    if session.out.as_json:
        session.out.document({"level": found.level, "budget": found.budget, "alerts": found.alerts})
    else:
        _tell(session.out, found.level)
        _tell_alerts(session.out, found.alerts)
    return ExitCode.OK


def _row(level: LevelSummary) -> tuple[object, ...]:
    return (
        level.pack,
        level.runs,
        percent_cell(level.success_rate),
        percent_cell(level.goal),
        level.may_fail if level.runs else None,
        f"{level.burns[1]:.1f}/{level.burns[2]:.1f}" if level.runs else None,
        _seconds(level.p95_ms),
        level.state.words,
    )


def _tell(out: Output, level: ServiceLevel) -> None:
    people = level.people
    out.pairs(
        (
            ("pack", level.pack),
            ("tenant", level.tenant),
            ("state", level.state.words),
            ("window", f"{level.window_days} days"),
            ("runs", f"{level.runs}, {level.failed} failed"),
            ("completed", f"{_share(level.success_rate)} (goal {_share(level.goal)}, {level.goal_from})"),
            ("may still fail", f"{level.may_fail} of {level.allowed}" if level.runs else None),
            ("runs out", level.runs_out),
            ("out since", level.out_since),
            ("p50", _seconds(level.p50_ms)),
            ("p95", f"{_seconds(level.p95_ms)} (goal {_seconds(level.p95_goal_ms)})"),
            ("hallucinations", _flagged(level.hallucination)),
            ("people asked", f"{people.asked}, {people.expired} expired"),
            ("people took", f"p50 {_seconds(people.p50_ms)}, p95 {_seconds(people.p95_ms)}"),
            ("people's goal", _human(people)),
        )
    )
    _tell_roles(out, people)
    _tell_burns(out, level)
    if level.drift:
        out.line("")
        out.table(
            ("DRIFT", "BEFORE", "LATELY", "SEVERITY"),
            ((one.metric, f"{one.baseline:.3g}", f"{one.current:.3g}", one.severity) for one in level.drift),
        )
    if level.why:
        out.line("")
        out.table(("FAILED", "WHY"), ((one.runs, one.code) for one in level.why))


def _tell_roles(out: Output, people: PeopleView) -> None:
    if people.roles:
        out.line("")
        out.table(
            ("ROLE", "ASKED", "EXPIRED", "P50", "P95"),
            (
                (one.role, one.asked, one.expired, _seconds(one.p50_ms), _seconds(one.p95_ms))
                for one in people.roles
            ),
        )


def _tell_burns(out: Output, level: ServiceLevel) -> None:
    out.line("")
    out.table(
        ("ALERT", "LONG", "BURN", "SHORT", "BURN", "ABOVE", "FIRES"),
        (
            (
                burn.severity.value,
                f"{burn.long_seconds // 3600} h",
                f"{burn.long_burn:.1f}",
                f"{burn.short_seconds // 60} min",
                f"{burn.short_burn:.1f}",
                f"{burn.factor:.1f}",
                "yes" if burn.fires else "no",
            )
            for burn in level.burns
        ),
    )


def _tell_alerts(out: Output, alerts: Sequence[AlertView]) -> None:
    if alerts:
        out.line("")
        rows = ((one.kind.words, one.began, one.ended or "stands") for one in alerts)
        out.table(("ALERT", "BEGAN", "ENDED"), rows)
        out.line("")
        newest = [one for one in alerts if one.began == alerts[0].began]
        last = newest[-1]  # of those that began at once the most urgent one
        out.pairs((("last alert", last.title), ("it was then", last.text)))


def _flagged(found: HallucinationView) -> str:
    """A pack whose agents never say how sure they are is told so: none doubtful means nothing then."""
    doubt = f"{found.doubtful} of {found.stated} doubtful" if found.stated else "confidence not stated"
    rate = "-" if found.rate is None else f"{percent_of_bad(found.rate)} %"
    return f"{found.flagged} flagged, {doubt}: {rate} (goal {_share(found.goal)})"


def _human(people: PeopleView) -> str | None:
    p95 = f"p95 {_seconds(people.p95_goal_ms)}" if people.p95_goal_ms is not None else ""
    expired = f"{_share(people.expired_goal)} expired" if people.expired_goal is not None else ""
    kept = "" if people.kept is None else "kept" if people.kept else "not kept"
    return ", ".join(filter(None, (p95, expired, kept))) or None


def _share(share: float | None) -> str:
    return "-" if share is None else f"{percent(share)} %"


def _seconds(ms: int | None) -> str:
    return "-" if ms is None else f"{ms / 1000:.1f} s" if ms < 100_000 else f"{ms / 60_000:.0f} min"
