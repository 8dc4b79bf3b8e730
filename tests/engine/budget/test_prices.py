"""What tokens cost: exact, rounded once, at the rates in force; a price that nobody has is unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.budget.price import FREE, Price, PriceSource, Rates, cost_of
from engine.budget.price_book import PriceBook
from engine.budget.price_table import shipped_table
from engine.budget.settings import BudgetSettings, ModelPrice
from engine.contracts.governing.money import billionths, dollars, short_dollars
from engine.models.settings import ModelSettings


def models(**named: dict[str, str]) -> ModelSettings:
    return ModelSettings.model_validate({"named": named})


def test_a_price_for_a_thousand_tokens_is_counted_to_the_last_digit() -> None:
    price = ModelPrice.model_validate({"input": "0.015", "output": "0.075", "per": "1k"}).price
    assert dollars(cost_of(price.at(10_000), 10_000, 0, 5_000)) == "$0.525"


def test_what_a_server_had_kept_is_part_of_the_input() -> None:
    rates = Rates(0, 3_000_000_000, 300_000_000, 15_000_000_000)
    assert cost_of(rates, 1_000, 400, 10) == 600 * 3_000 + 400 * 300 + 10 * 15_000
    assert cost_of(rates, 1_000, 5_000, 0) == 1_000 * 300


def test_the_rates_of_a_long_input_hold_for_all_of_a_call() -> None:
    price = Price((Rates(0, 1_000_000, 1_000_000, 0), Rates(200_000, 2_000_000, 2_000_000, 0)))
    assert cost_of(price.at(200_000), 200_000, 0, 0) == 200_000
    assert cost_of(price.at(200_001), 200_001, 0, 0) == 400_002
    assert (price.bound(200_000, 0), price.bound(200_001, 0)) == (200_000, 400_002)


def test_what_costs_nothing_does_so_at_every_length() -> None:
    assert FREE.is_free
    assert not Price((*FREE.rates, Rates(200_000, 0, 0, 1))).is_free


@given(
    st.integers(0, 400_000),
    st.integers(0, 400_000),
    st.integers(0, 50_000),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
)
def test_no_call_costs_more_than_the_bound_of_its_tokens(
    tokens: int, cached: int, output: int, more_input: int, more_output: int
) -> None:
    price = Price((Rates(0, 3, 1, 15), Rates(128_000, 7, 2, 21), Rates(256_000, 5, 9, 11)))
    paid = cost_of(price.at(tokens), tokens, cached, output)
    assert paid <= price.bound(tokens + more_input, output + more_output)


@pytest.mark.parametrize(
    "written",
    [
        {"input": "-1", "output": "1"},
        {"input": "1", "output": "10001"},
        {"input": "1", "output": "11", "per": "1k"},
        {"input": "0.0000000001", "output": "1"},
        {"input": "NaN", "output": "1"},
        {"input": "1"},
        {"input": "1", "output": "1", "per": "1G"},
        {"input": "1", "output": "1", "currency": "EUR"},
    ],
)
def test_a_price_that_cannot_be_is_refused(written: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ModelPrice.model_validate(written)


def test_the_shipped_table_says_what_it_is() -> None:
    table = shipped_table()
    assert table.date >= "2026-11-28"
    assert "MIT" in table.source
    assert len(table.digest) == 64


def test_a_dated_name_of_a_model_finds_its_price() -> None:
    found = shipped_table().find("https://api.openai.com/v1", "gpt-4o-mini-2024-07-18")
    assert found is not None
    assert (found.provider, found.model) == ("openai", "gpt-4o-mini")
    assert found.price == Price((Rates(0, 150_000_000, 75_000_000, 600_000_000),))


def test_where_a_model_is_asked_makes_its_price_not_what_it_is_called() -> None:
    assert shipped_table().find("http://127.0.0.1:8000/v1", "gpt-4o-mini") is None


def test_models_have_the_price_of_the_settings_else_that_of_the_table_else_none() -> None:
    named = models(
        own={"provider": "openai", "model": "gpt-4o-mini"},
        listed={"provider": "anthropic", "model": "claude-3-haiku-20240307"},
        local={"provider": "ollama", "model": "llama3.2"},
    )
    settings = BudgetSettings.model_validate({"prices": {"own": {"input": 1, "output": 2, "cached": 0.5}}})
    quotes = {one.name: one for one in PriceBook(named, settings).quotes()}
    assert quotes["own"].price == Price((Rates(0, 10**9, 5 * 10**8, 2 * 10**9),))
    assert (quotes["own"].source, quotes["listed"].source) == (PriceSource.SETTINGS, PriceSource.TABLE)
    assert quotes["listed"].listed == "anthropic/claude-3-haiku"
    assert (quotes["local"].price, quotes["local"].source) == (None, PriceSource.UNKNOWN)
    assert (quotes["scripted"].price, quotes["scripted"].source) == (FREE, PriceSource.SCRIPTED)


def test_other_prices_have_another_digest() -> None:
    named = models(own={"provider": "openai", "model": "gpt-4o-mini"})
    settings = BudgetSettings.model_validate({"prices": {"own": {"input": 1, "output": 2}}})
    assert PriceBook(named, settings).digest != PriceBook(named, BudgetSettings()).digest


@given(st.integers(-(10**15), 10**15))
def test_an_amount_is_written_exactly(amount: int) -> None:
    written = dollars(amount)
    assert billionths(Decimal(written.replace("$", "").replace(",", ""))) == amount


def test_an_amount_in_a_list_is_never_shown_smaller_than_it_is() -> None:
    assert [short_dollars(one) for one in (0, 1, 10_000_000, 10_000_001)] == [
        "$0.00",
        "<$0.01",
        "$0.01",
        "$0.02",
    ]
