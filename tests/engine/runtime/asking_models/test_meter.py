"""What a call of a model is said to have used, and whether anything is left of what a tree of runs may."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.budget.price import Price, PriceSource, Rates
from engine.budget.price_book import QuotedPrice
from engine.machine.model.state import Counters, RunState
from engine.models.conversation import (
    CallArguments,
    CallStarted,
    FinishReason,
    Identified,
    Message,
    MessageRole,
    ModelRequest,
    Reply,
    TextDelta,
    ThoughtDelta,
    ToolOffer,
    Usage,
    UsageSeen,
)
from engine.runtime.worker.steps.agents.meter import Meter
from engine.runtime.worker.steps.agents.token_ceiling import all_used, input_tokens

if TYPE_CHECKING:
    from engine.models.conversation import Delta
    from engine.runtime.worker.steps.calls.tool_call import CallSite

DEAR = Price((Rates(0, 10**9, 10**8, 2 * 10**9),))
ASKED = ModelRequest(messages=(Message(MessageRole.USER, "x" * 400),))


def meter(*heard: Delta, price: Price | None = None) -> Meter:
    """Of a call of which this was heard."""
    quoted = QuotedPrice("fast", "openai", "m-1", price, PriceSource.SETTINGS)
    found = Meter(quoted, "digest", 10, ASKED, lambda: 0)
    for one in heard:
        found.hear(one)
    return found


def whole(counting: Meter, **used: Any) -> dict[str, Any]:
    usage = Usage(**{"input_tokens": 100, "output_tokens": 10, **used})
    return counting.whole(Reply("openai", "m-1", "Done.", FinishReason.STOP, usage=usage))


def test_of_a_call_that_failed_before_anything_came_nothing_is_known_to_be_paid_for() -> None:
    assert meter().partial() is None
    assert meter(Identified("r-1", "m-1"), TextDelta("")).partial() is None
    stopped = meter().stopped()
    assert (stopped["partial"], stopped["estimated"], stopped["output"]) == (True, True, 1)
    assert stopped["input"] > 100, "it had been asked"


@pytest.mark.parametrize(
    "piece",
    [TextDelta("x" * 40), ThoughtDelta("x" * 40), CallArguments(0, "x" * 40), CallStarted(0, "c", "x" * 40)],
)
def test_whatever_came_of_an_answer_counts_as_far_as_it_came(piece: Delta) -> None:
    used = meter(piece, piece).partial()
    assert used is not None
    assert (used["output"], used["partial"], used["estimated"]) == (1 + 80 // 4, True, True)


def test_what_a_server_told_before_it_failed_counts_as_it_told_it() -> None:
    used = meter(UsageSeen(Usage(7, 3, 5))).partial()
    assert used is not None
    assert (used["input"], used["output"], used["cached"], used["estimated"]) == (7, 3, 5, False)


def test_what_came_after_a_server_told_its_count_counts_beside_it() -> None:
    """Some tell a count before the first word, and the whole one at the end only."""
    begins, word = UsageSeen(Usage(700, 1, 5)), TextDelta("x" * 40)
    for used in (meter(begins, word, word).partial(), meter(begins, word, word).stopped()):
        assert used is not None
        assert (used["input"], used["output"], used["cached"], used["estimated"]) == (
            700,
            1 + 80 // 4,
            5,
            True,
        )
    whole_one = meter(begins, word, word, UsageSeen(Usage(700, 18, 5))).partial()
    assert whole_one is not None
    assert (whole_one["output"], whole_one["estimated"]) == (18, False)


def test_a_price_that_nobody_knows_makes_no_cost() -> None:
    used = whole(meter())
    assert not used.keys() & {"cost", "rates", "hold", "over", "answered", "partial"}
    assert (used["model"], used["provider"], used["asked"], used["prices"]) == (
        "fast",
        "openai",
        "m-1",
        "digest",
    )


def test_a_cost_is_that_of_what_was_used_and_cached_tokens_are_some_of_the_input() -> None:
    used = whole(meter(price=DEAR), cached_input_tokens=40)
    assert (used["cost"], used["rates"]) == (60_000 + 4_000 + 20_000, [10**9, 10**8, 2 * 10**9])
    assert whole(meter(price=DEAR), cached_input_tokens=500)["cached"] == 100


def test_another_model_that_answered_is_told() -> None:
    assert "answered" not in whole(meter(Identified("r", "m-1")))
    assert whole(meter(Identified("r", "m-2")))["answered"] == "m-2"


@pytest.mark.parametrize(("held", "over"), [(119_999, True), (120_000, False)])
def test_a_call_that_cost_more_than_was_held_for_it_says_so(held: int, over: bool) -> None:
    counting = meter(price=DEAR)
    counting.hold, counting.held = "hold-1", held
    used = whole(counting)
    assert (used["cost"], used["hold"], used["over"]) == (120_000, "hold-1", over)


def test_tokens_of_a_question_are_those_of_all_its_texts() -> None:
    assert input_tokens(ModelRequest(messages=())) == 1
    offers = (ToolOffer("data.read", "Reads.", {"type": "object"}),)
    assert input_tokens(ASKED) >= 101
    assert input_tokens(ModelRequest(messages=ASKED.messages, tools=offers)) > input_tokens(ASKED)


@pytest.mark.parametrize(
    ("limit", "own", "tree", "left"),
    [
        (None, 10**9, None, True),
        (100, 99, None, True),
        (100, 100, None, False),
        (100, 0, 100, False),
        (100, 500, 99, True),
    ],
)
async def test_a_program_that_asks_models_itself_begins_as_long_as_its_tree_has_something_left(
    limit: int | None, own: int, tree: int | None, left: bool
) -> None:
    async def usage() -> Any:
        return SimpleNamespace(tokens=tree)

    flow = SimpleNamespace(graph=SimpleNamespace(limits=SimpleNamespace(max_tokens=limit)))
    site = cast("CallSite", SimpleNamespace(flow=flow, usage=None if tree is None else usage))
    full = await all_used(site, RunState(counters=Counters(tokens_used=own)))
    assert (full is None) is left
    if full is not None:
        assert full["details"]["reason"] == "run_token_budget_exceeded"
        assert (full["details"]["limit"], full["details"]["used"]) == (100, 100)
        assert not full["details"]["recoverable"]
