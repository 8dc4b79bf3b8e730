"""What an agent of another program tells that it used, and what of it counts."""

from __future__ import annotations

from typing import Any

import pytest

from engine.acp.calls import first_of_kind, options_of
from engine.acp.usage import MOST_TOKENS, AgentUsage, Tokens


def cost(amount: Any, currency: str = "USD") -> dict[str, Any]:
    return {"used": 1, "size": 2, "cost": {"amount": amount, "currency": currency}}


def tokens(**told: int) -> Tokens | None:
    from acp.schema import Usage  # noqa: PLC0415 - slow to import, and every test worker reads this file

    used = AgentUsage()
    used.answered(Usage.model_validate(told))
    return used.tokens


def test_what_is_not_told_is_unknown() -> None:
    used = AgentUsage()
    used.hear({"used": 10, "size": 100}, prompted=True)
    used.answered(None)
    assert (used.tokens, used.cost) == (None, None)


def test_the_last_cost_of_the_session_counts_rounded_up_to_a_billionth() -> None:
    used = AgentUsage()
    for amount in (0.1, 0.2500000001):
        used.hear(cost(amount), prompted=True)
    used.hear({"used": 10, "size": 100}, prompted=True)
    assert used.cost == 250_000_001


def test_what_the_session_had_cost_before_the_prompt_is_no_part_of_it() -> None:
    used = AgentUsage()
    used.hear(cost(2), prompted=False)
    assert used.cost is None  # of the prompt nothing is told yet
    used.hear(cost(2.5), prompted=True)
    assert used.cost == 500_000_000


def test_a_cost_that_was_told_is_not_taken_back() -> None:
    used = AgentUsage()
    used.hear(cost(2), prompted=False)
    for amount in (2.5, 2, 0):
        used.hear(cost(amount), prompted=True)
    assert used.cost == 500_000_000
    used.hear(cost(1), prompted=True)  # it counts anew
    assert used.cost == 1_000_000_000


@pytest.mark.parametrize(
    "told",
    [
        cost(1, "EUR"),
        cost(-1),
        cost(10**9),
        cost(10**400),
        cost(True),
        cost("1"),
        cost(None),
        {"cost": 3},
        {"cost": {}},
    ],
)
def test_an_amount_that_cannot_be_counted_is_unknown(told: Any) -> None:
    used = AgentUsage()
    used.hear(cost(1), prompted=True)
    used.hear(told, prompted=True)
    assert used.cost is None


def test_cached_tokens_are_part_of_the_input_however_they_are_told() -> None:
    beside = tokens(totalTokens=160, inputTokens=20, outputTokens=30, thoughtTokens=10, cachedReadTokens=100)
    within = tokens(totalTokens=160, inputTokens=120, outputTokens=30, thoughtTokens=10, cachedReadTokens=100)
    assert beside == within == Tokens(120, 40, 100)


def test_thoughts_are_part_of_the_output_however_they_are_told() -> None:
    assert tokens(totalTokens=50, inputTokens=20, outputTokens=30, thoughtTokens=10) == Tokens(20, 30, 0)
    assert tokens(totalTokens=60, inputTokens=20, outputTokens=30, thoughtTokens=10) == Tokens(20, 40, 0)


def test_a_total_that_is_less_than_its_parts_is_not_believed() -> None:
    assert tokens(totalTokens=0, inputTokens=20, outputTokens=30) == Tokens(20, 30, 0)


def test_absurd_numbers_are_no_count() -> None:
    assert tokens(totalTokens=MOST_TOKENS * 9, inputTokens=MOST_TOKENS + 1, outputTokens=0) is None


def test_an_answer_that_has_the_id_of_another_cannot_be_chosen() -> None:
    once = {"optionId": "x", "name": "Allow once", "kind": "allow_once"}
    always = {"optionId": "x", "name": "Always", "kind": "allow_always"}
    options = options_of([once, always, {"optionId": "n", "name": "No", "kind": "reject_once"}])
    assert first_of_kind(options, "allow_once") is None
    assert first_of_kind(options, "reject_once") is not None
    assert [one.name for one in options] == ["Allow once", "Always", "No"]
