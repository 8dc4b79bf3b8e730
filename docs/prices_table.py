"""Makes `engine/budget/prices.json` from the package `genai-prices`, once for each version that is shipped.

    pip install genai-prices && python docs/prices_table.py YYYY-MM-DD

The date is that of the table: of prices that change at a date those count that hold then. Of prices that
change by the hour the highest counts. Models that are charged for by anything but tokens have none (null):
their cost is unknown.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from decimal import Decimal
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "engine" / "budget" / "prices.json"
PROVIDERS = (
    "anthropic",
    "azure",
    "cerebras",
    "cohere",
    "deepseek",
    "fireworks",
    "google",
    "groq",
    "mistral",
    "moonshotai",
    "openai",
    "openrouter",
    "perplexity",
    "together",
    "x-ai",
    "zai",
)
"""Those that are reached in one of our wire formats."""
TOKENS = {"input_mtok", "output_mtok", "cache_read_mtok"}
NOT_ASKED_FOR = {"cache_write_mtok", "cache_write_1h_mtok", "web_searches_kcount", "storage_searches_kcount"}
"""What is charged for things that are never asked of a model here."""
BILLIONTHS = 1_000_000_000
CLAUSES = {
    "ClauseStartsWith": ("starts", "starts_with"),
    "ClauseEndsWith": ("ends", "ends_with"),
    "ClauseContains": ("contains", "contains"),
    "ClauseEquals": ("equals", "equals"),
    "ClauseRegex": ("regex", "regex"),
}


def clause(found: Any) -> dict[str, Any]:
    """How a model's name is compared."""
    name = type(found).__name__
    if name in {"ClauseOr", "ClauseAnd"}:
        parts = found.or_ if name == "ClauseOr" else found.and_
        return {"any" if name == "ClauseOr" else "all": [clause(part) for part in parts]}
    key, field = CLAUSES[name]
    return {key: getattr(found, field)}


def priced_units(price: Any) -> set[str]:
    """What is charged for."""
    return {
        name
        for name, value in vars(price).items()
        if value is not None and name.endswith(("tok", "count", "hours", "pages", "chars"))
    }


def at(amount: Any, start: int) -> Decimal | None:
    """The amount for a call with more than `start` tokens of input."""
    if amount is None or isinstance(amount, Decimal):
        return amount
    reached = [tier.price for tier in amount.tiers if tier.start <= start]
    found: Decimal = reached[-1] if reached else amount.base
    return found


def rates(price: Any) -> list[list[int]] | None:
    """[tokens of input above which they hold, input, cached input, output], billionths per million tokens."""
    if (
        not priced_units(price) <= TOKENS | NOT_ASKED_FOR
        or price.input_mtok is None
        or price.output_mtok is None
    ):
        return None
    amounts = (price.input_mtok, price.cache_read_mtok, price.output_mtok)
    starts = sorted({tier.start for one in amounts if hasattr(one, "tiers") for tier in one.tiers} | {0})
    table = []
    for start in starts:
        fresh, cached, output = (at(one, start) for one in amounts)
        assert fresh is not None
        assert output is not None
        parts = (fresh, fresh if cached is None else cached, output)
        if any(part * BILLIONTHS % 1 or part < 0 for part in parts):
            return None
        table.append([start, *(int(part * BILLIONTHS) for part in parts)])
    return table


def in_force(prices: Any, day: date) -> list[list[int]] | None:
    """The rates of a day."""
    if not isinstance(prices, list):
        return rates(prices)
    begun = []
    by_hour = []
    for one in prices:
        start = getattr(one.constraint, "start_date", None)
        if one.constraint is not None and start is None:
            by_hour.append(one.prices)
        elif start is None or start <= day:
            begun.append((start or date.min, one.prices))
    if not begun:
        return None
    candidates = [max(begun, key=lambda pair: pair[0])[1], *by_hour]
    tables = [rates(one) for one in candidates]
    if any(table is None for table in tables):
        return None
    return max((table for table in tables if table is not None), key=lambda table: table[0][1:])


def main(day: date) -> None:
    """Write the file."""
    found = []
    for provider in import_module("genai_prices.data").providers:
        if provider.id not in PROVIDERS:
            continue
        models = [
            {"id": model.id, "match": clause(model.match), "rates": in_force(model.prices, day)}
            for model in provider.models
        ]
        fallbacks = [name for name in provider.fallback_model_providers or () if name in PROVIDERS]
        found.append({"id": provider.id, "urls": provider.api_pattern, "also": fallbacks, "models": models})
    author = "MIT, Copyright (c) Pydantic Services Inc. 2025 to present"
    head = {
        "source": f"genai-prices {version('genai-prices')} ({author})",
        "date": day.isoformat(),
        "currency": "USD",
        "unit": "billionths per million tokens: above so many tokens of input, input, cached, output",
    }
    lines = [json.dumps(head, ensure_ascii=True)[:-1] + ', "providers": [']
    for number, provider in enumerate(found):
        rows = ",\n  ".join(
            json.dumps(model, ensure_ascii=True, separators=(",", ":")) for model in provider.pop("models")
        )
        text = json.dumps(provider, ensure_ascii=True)[:-1]
        lines.append(f'{text}, "models": [\n  {rows}\n]}}{"," if number + 1 < len(found) else ""}')
    FILE.write_text("\n".join(lines) + "\n]}\n", "utf-8")


if __name__ == "__main__":
    main(date.fromisoformat(sys.argv[1]))
