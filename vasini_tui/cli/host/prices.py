"""`vasini budget prices`: what each model costs, and where the price is from."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.contracts.governing.money import BILLIONTHS
from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from engine.budget.price import Rates
    from engine.budget.price_book import QuotedPrice
    from vasini_tui.wiring import Session


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


def _rows(quoted: QuotedPrice) -> list[tuple[object, ...]]:
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


def _as_data(quoted: QuotedPrice) -> dict[str, Any]:
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
    fresh, cached, output = (
        f"{Decimal(amount) / BILLIONTHS:f}" for amount in (rates.input, rates.cached, rates.output)
    )
    return fresh, cached, output
