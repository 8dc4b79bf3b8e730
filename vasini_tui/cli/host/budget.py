"""`vasini budget show`, `set` and `top-up`: what was spent, and what may be."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from engine.contracts.governing.budget import AsShown, CapOf, CapScope, CapTerms, CapWindow, SpendBy
from engine.contracts.governing.money import dollars, typed_billionths
from engine.errors import ErrorCode, Refused
from vasini_tui.cli.arguments.moments import optional_moment
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from engine.contracts.governing.budget import BudgetAct, Caps, CapView, Spending, SpendSum
    from engine.facade.engine import Engine
    from vasini_tui.output import Output
    from vasini_tui.wiring import Session


def show(
    by: Annotated[
        SpendBy, typer.Option("--by", metavar="WHAT", help="tenant, pack, step, model or day.")
    ] = SpendBy.MODEL,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only what was spent from then on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Only what was spent before.")
    ] = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Show what models used and cost, and how that stands to caps."""
    action = partial(
        _show, by=by, since=optional_moment(since, "--since"), until=optional_moment(until, "--until")
    )
    return Invocation(action, as_json, act_as, tenant, all_tenants)


async def _show(session: Session, *, by: SpendBy, since: datetime | None, until: datetime | None) -> int:
    async with session.engine() as engine:
        spending = await engine.budget.spending(by, since=since, until=until)
        caps = await engine.budget.caps()
    if session.out.as_json:
        told = {"caps": caps.model_dump(mode="json"), "spending": spending.model_dump(mode="json")}
        session.out.document(told)
        return ExitCode.OK
    _write_caps(session.out, caps)
    _write_spending(session.out, spending)
    return ExitCode.OK


def _write_caps(out: Output, caps: Caps) -> None:
    """In 80 columns; `--json` has every field, and moments to the microsecond."""
    several = len({cap.tenant for cap in caps.caps} | {act.tenant for act in caps.acts}) > 1
    heads = ("CAP OF", "IN", "SPENT", "SOFT", "HARD", "RUNS OUT", "STATE", "FROM")
    if caps.caps:
        out.table(heads, (_cap_row(cap, several=several) for cap in caps.caps))
        if caps.held:
            out.line(f"held now: {dollars(caps.held)} in {caps.held_calls} calls under way")
        out.line("")
    if caps.run_tokens:
        for one in caps.run_tokens:
            whose = "each run" if one.pack == "*" else f"each run of {one.pack}"
            limit = "any number of tokens" if one.limit is None else f"{one.limit:,} tokens at most"
            out.line(f"{whose}: {limit} (policies.max_tokens_per_run)")
        out.line("")
    if caps.acts:
        names = ("WHEN", "WHAT", "CAP OF", "IN", "AMOUNT", "BY", "COMMENT")
        out.table(names, (_act_row(act, several=several) for act in caps.acts))
        out.line("")


def _act_row(act: BudgetAct, *, several: bool) -> tuple[object, ...]:
    of = _of(act, several=several)
    return _minute(act.ts), act.kind, of, act.window, _amount(act), act.actor, act.comment


def _minute(moment: datetime | None) -> str | None:
    """`11-28 21:02Z`: this year is known, and UTC is said."""
    return moment.strftime("%m-%d %H:%MZ") if moment is not None else None


def _cap_row(cap: CapView, *, several: bool) -> tuple[object, ...]:
    amounts = (None if one is None else dollars(one) for one in (cap.soft, cap.hard))
    state = f"{cap.state}, {cap.unpriced} calls unknown" if cap.unpriced else str(cap.state)
    state += ", pauses" if cap.pauses else ""
    spent = dollars(cap.spent) if cap.scope is not CapScope.RUN else None  # each run by itself
    of, runs_out = _of(cap, several=several), _minute(cap.runs_out_at)
    return (of, cap.window, spent, *amounts, runs_out, state, cap.source)


def _of(cap: CapView | BudgetAct, *, several: bool) -> str:
    """The tenant is told where there are several."""
    alone = cap.scope is CapScope.TENANT or cap.tenant == "*" or not several
    whose = "" if alone else f" in {cap.tenant}"
    return f"{cap.scope} {cap.name}{whose}"


def _amount(act: BudgetAct) -> str | None:
    if act.amount is not None:
        return dollars(act.amount)
    caps = (("soft", act.soft), ("hard", act.hard))
    return ", ".join(f"{name} {dollars(one)}" for name, one in caps if one is not None) or None


Scope = Annotated[CapScope, typer.Argument(metavar="SCOPE", help="tenant, pack, model or run.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Which one; `*` is each one by itself.")]
Window = Annotated[CapWindow, typer.Option("--window", metavar="WINDOW", help="day, month or total.")]
Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why; it is kept.")]


class SoftCapMode(StrEnum):
    """What becomes of runs at a soft cap until somebody has answered."""

    WARN = "warn"
    PAUSE = "pause"


def set_cap(
    scope: Scope,
    name: Name,
    window: Window = CapWindow.TOTAL,
    soft: Annotated[
        str | None, typer.Option("--soft", metavar="AMOUNT", help="Dollars at which people are warned.")
    ] = None,
    hard: Annotated[
        str | None, typer.Option("--hard", metavar="AMOUNT", help="Dollars that no call may pass.")
    ] = None,
    on_soft: Annotated[
        SoftCapMode | None,
        typer.Option("--on-soft", metavar="WHAT", help="warn; pause: runs wait for the answer."),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Take back the cap that a person set.")] = False,
    comment: Comment = "",
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Set a cap. It counts before the settings' one for the same, from now on."""
    if off == (soft is not None or hard is not None):
        raise UsageError("say --soft, --hard or both; or --off")
    pause = None if on_soft is None else on_soft is SoftCapMode.PAUSE
    if pause and soft is None:
        raise UsageError("--on-soft pause needs --soft")
    terms = CapTerms(_billionths(soft), _billionths(hard), pause)
    action = partial(_set, of=CapOf(scope, name, window), terms=terms, comment=comment)
    return Invocation(action, as_json, act_as, tenant, all_tenants)


def top_up(
    scope: Scope,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which one; a run by its id.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Dollars to add.")],
    window: Window = CapWindow.TOTAL,
    comment: Comment = "",
    seen: Annotated[
        str | None,
        typer.Option("--seen", metavar="AMOUNT", help="Only if its hard cap is still that."),
    ] = None,
    tenant: Tenant = None,
    all_tenants: AllTenants = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Raise caps in the window that holds now. Those of one tenant, pack, model or run."""
    more = _billionths(amount) or 0
    action = partial(
        _top_up, of=CapOf(scope, name, window), amount=more, comment=comment, seen=_billionths(seen)
    )
    return Invocation(action, as_json, act_as, tenant, all_tenants)


async def _set(session: Session, *, of: CapOf, terms: CapTerms, comment: str) -> int:
    async with session.engine() as engine:
        lost = await _lost_hard(engine, of, terms)
        await engine.budget.set_cap(of, terms, actor=session.actor, comment=comment)
        caps = await engine.budget.caps(acts=1)
    if lost is not None:
        session.out.note(f"calls may pass {lost} now: --soft alone leaves no hard cap, --hard keeps one")
    return _done(session, caps)


async def _lost_hard(engine: Engine, of: CapOf, terms: CapTerms) -> str | None:
    """The hard cap, as it was set, that a warning alone takes away."""
    if terms.soft is None or terms.hard is not None or (of.scope is CapScope.RUN and of.name != "*"):
        return None
    before = await engine.budget.cap(of)
    hard = None if before is None or before.hard is None else before.hard - before.topped_up
    return None if hard is None else dollars(hard)


async def _top_up(session: Session, *, of: CapOf, amount: int, comment: str, seen: int | None) -> int:
    async with session.engine() as engine:
        if of.scope is CapScope.RUN:
            of = replace(of, name=await engine.runs.find_id(of.name))
        shown = await _as_seen(engine, of, seen) if seen is not None else None
        await engine.budget.top_up(of, amount, actor=session.actor, comment=comment, seen=shown)
        caps = await engine.budget.caps(acts=1)
    return _done(session, caps)


async def _as_seen(engine: Engine, of: CapOf, hard: int) -> AsShown:
    """The cap whole, when its hard one is that. Raises Refused (`cap_changed`)."""
    cap = await engine.budget.cap(of)
    if cap is None or cap.hard != hard:
        now = "none" if cap is None or cap.hard is None else dollars(cap.hard)
        words = f"the hard cap of {of.scope} {of.name} is {now}, not {dollars(hard)}: nothing was done"
        raise Refused(ErrorCode.CAP_CHANGED, words, {"scope": of.scope, "name": of.name, "window": of.window})
    return AsShown(soft=cap.soft, hard=cap.hard)


def _done(session: Session, caps: Caps) -> int:
    if session.out.as_json:
        session.out.document({"caps": caps.model_dump(mode="json")})
    else:
        _write_caps(session.out, caps)
    return ExitCode.OK


def _billionths(text: str | None) -> int | None:
    """An amount in dollars as it is typed: `12`, `0.50`, `$3`. Raises UsageError."""
    if text is None:
        return None
    try:
        return typed_billionths(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _write_spending(out: Output, spending: Spending) -> None:
    heads = (spending.by.upper(), "COST", "UNKNOWN", "CALLS", "INPUT", "CACHED", "OUTPUT")
    rows = [(row.name, *_counts(row.sum)) for row in spending.rows]
    out.table(heads, [*rows, ("total", *_counts(spending.total))])


def _counts(total: SpendSum) -> tuple[object, ...]:
    """`UNKNOWN` is how many calls are not in the cost."""
    counts = (total.calls, total.input_tokens, total.cached_tokens, total.output_tokens)
    calls, *tokens = (f"{count:,}" for count in counts)
    return (dollars(total.cost), total.unpriced or None, calls, *tokens)
