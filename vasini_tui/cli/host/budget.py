"""`vasini budget`: what models cost, and what was spent."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.contracts.budget import SpendBy
from vasini_tui.cli.arguments.moments import moment_named
from vasini_tui.cli.arguments.options import ActAs, AllTenants, AsJson, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from datetime import datetime

    from engine.budget.price import Rates
    from engine.budget.price_book import Quoted
    from engine.contracts.budget import Spending, SpendSum
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
    """Show what models used and cost."""
    action = partial(_show, by=by, since=moment_named(since, "--since"), until=moment_named(until, "--until"))
    return Invocation(action, as_json, act_as, tenant, all_tenants)


async def _show(session: Session, *, by: SpendBy, since: datetime | None, until: datetime | None) -> int:
    async with session.engine() as engine:
        spending = await engine.budget.spending(by, since=since, until=until)
    if session.out.as_json:
        session.out.document({"spending": spending.model_dump(mode="json")})
    else:
        _write_spending(session.out, spending)
    return ExitCode.OK


def _write_spending(out: Output, spending: Spending) -> None:
    heads = (spending.by.upper(), "COST", "UNKNOWN", "CALLS", "INPUT", "CACHED", "OUTPUT")
    rows = [(row.name, *_counts(row.sum)) for row in spending.rows]
    out.table(heads, [*rows, ("total", *_counts(spending.total))])


def _counts(total: SpendSum) -> tuple[object, ...]:
    """`UNKNOWN` is how many calls are not in the cost."""
    from engine.contracts.money import dollars  # noqa: PLC0415 - no other command needs it here

    counts = (total.calls, total.input_tokens, total.cached_tokens, total.output_tokens)
    calls, *tokens = (f"{count:,}" for count in counts)
    return (dollars(total.cost), total.unpriced or None, calls, *tokens)


def prices(as_json: AsJson = False, act_as: ActAs = None) -> Invocation:
    """Show what each model costs, and where the price is from."""
    return Invocation(_prices, as_json, act_as)


async def _prices(session: Session) -> int:
    from engine.budget.price_book import PriceBook  # noqa: PLC0415 - no other command needs it here
    from engine.budget.price_table import shipped_table  # noqa: PLC0415 - likewise

    values, out = session.loaded.values, session.out
    book, table = PriceBook(values.models, values.budget), shipped_table()
    quotes = list(book.quotes())
    if out.as_json:
        about = {"source": table.source, "date": table.date, "digest": table.digest, "in_force": book.digest}
        out.document({"currency": "USD", "table": about, "models": [_as_data(one) for one in quotes]})
        return ExitCode.OK
    out.table(
        ("NAME", "MODEL", "INPUT", "CACHED", "OUTPUT", "FROM", "ABOVE"),
        (row for one in quotes for row in _rows(one)),
    )
    out.note(f"US dollars for a million tokens; table of {table.date}: {table.source}")
    return ExitCode.OK


def _rows(quoted: Quoted) -> list[tuple[object, ...]]:
    """One row for each step of the rates."""
    model = f"{quoted.provider}/{quoted.model}"
    source = f"{quoted.source} {quoted.listed}".strip()
    if quoted.price is None:
        return [(quoted.name, model, "unknown", "unknown", "unknown", source, None)]
    rates = quoted.price.rates
    return [
        (quoted.name, model, *_amounts(one), source, f"{one.above:,}" if len(rates) > 1 else None)
        for one in rates
    ]


def _as_data(quoted: Quoted) -> dict[str, Any]:
    names = ("input", "cached", "output")
    rates = quoted.price.rates if quoted.price is not None else None
    return {
        "name": quoted.name,
        "provider": quoted.provider,
        "model": quoted.model,
        "from": quoted.source.value,
        "listed": quoted.listed or None,
        "per_million": rates
        and [{"above": one.above, **dict(zip(names, _amounts(one), strict=True))} for one in rates],
    }


def _amounts(rates: Rates) -> tuple[str, str, str]:
    from engine.contracts.money import BILLIONTHS  # noqa: PLC0415 - as above

    fresh, cached, output = (
        f"{Decimal(amount) / BILLIONTHS:f}" for amount in (rates.input, rates.cached, rates.output)
    )
    return fresh, cached, output
