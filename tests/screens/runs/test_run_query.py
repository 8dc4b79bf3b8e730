"""The grammar of the runs filter: what is understood, and what is told of the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RunStatus
from screens.runs.query import EXAMPLE, run_query
from screens.widgets.numbers import percent, percent_cell, percent_of_bad, short_number
from tests.fakes.views import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

PIECES = (
    "status",
    "pack",
    "flow",
    "by",
    "age",
    ":",
    ",",
    "<",
    ">",
    "9",
    "2h",
    "failed",
    "x",
    " ",
    "é",
    "\x00",
)


HOUR = timedelta(hours=1)
FAILED = {"status": (RunStatus.FAILED,), "rejected": False}


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("", {"nested": False}),
        ("ana  bob", {"text": "ana bob"}),
        ("failed", FAILED),
        ("rejected", {"status": (RunStatus.FAILED,), "rejected": True}),
        ("status:rej,fail", {"status": (RunStatus.FAILED,)}),
        ("pending_human Failed", {"status": (RunStatus.PENDING_HUMAN, RunStatus.FAILED), "rejected": False}),
        (
            "status:failed,paused status:failed",
            {"status": (RunStatus.FAILED, RunStatus.PAUSED), "rejected": False},
        ),
        ("error:timeout", {"error": "timeout"}),
        ("words:disk words:full x", {"words": "disk full", "text": "x"}),
        ("ended:<12h ended:>1h", {"ended_after": NOW - 12 * HOUR, "ended_before": NOW - HOUR}),
        ("status:pend", {"status": (RunStatus.PENDING_HUMAN, RunStatus.PENDING_USER_INPUT)}),
        ("pack:hello flow:hi by:ana x", {"pack": "hello", "flow": "hi", "requested_by": "ana", "text": "x"}),
        ("flow:hello/hi", {"pack": "hello", "flow": "hi"}),
        ("age:<2h", {"created_after": NOW - timedelta(hours=2)}),
        ("age:>99999w", {"created_before": NOW - timedelta(weeks=99_999)}),
        ("age:>3d", {"created_before": NOW - timedelta(days=3)}),
        (
            "age:<2w age:>90m",
            {"created_after": NOW - timedelta(weeks=2), "created_before": NOW - timedelta(minutes=90)},
        ),
    ],
)
def test_what_is_typed_becomes_a_filter(typed: str, wanted: dict[str, Any]) -> None:
    query = run_query(typed, "t1", NOW)
    assert query.filters == RunFilter(tenant="t1", **wanted)
    assert query.faults == ()


@pytest.mark.parametrize(
    ("typed", "rest", "words"),
    [
        ("status:nonsense x", {"text": "x"}, ["no status begins with nonsense: queued, running"]),
        ("status:", {"nested": False}, ["status: takes queued, running"]),
        ("status:failed,", FAILED, ["status: takes queued"]),
        ("pack: x", {"text": "x"}, ["pack: wants a name"]),
        ("flow:hello/", {"pack": "hello"}, ["flow: wants a name"]),
        ("pack:a flow:b/c", {"pack": "a", "flow": "c"}, ["pack: takes one name, b is left out"]),
        ("by:ana by:bob", {"requested_by": "ana"}, ["by: takes one name, bob is left out"]),
        ("age:2h", {"nested": False}, ["age: wants < or >"]),
        ("age:<2y pack:p", {"pack": "p"}, ["age: wants < or >"]),
        ("words:-", {"nested": False}, ["words: wants a word"]),
        ("ended:2h", {"nested": False}, ["ended: wants < or >"]),
        ("age:>123456w", {"nested": False}, ["age: wants < or >"]),
        ("age:<1h age:<2h", {"created_after": NOW - timedelta(hours=1)}, ["age:< stands twice"]),
        ("pack:a age:5", {"pack": "a"}, ["age: wants"]),
    ],
)
def test_what_is_not_understood_is_told_and_the_rest_counts(
    typed: str, rest: dict[str, Any], words: Sequence[str]
) -> None:
    query = run_query(typed, "t1", NOW)
    assert query.filters == RunFilter(tenant="t1", **rest)
    assert len(query.faults) == len(words)
    for fault, beginning in zip(query.faults, words, strict=True):
        assert fault.startswith(beginning)


def test_what_only_looks_like_a_field_is_looked_for_and_says_so() -> None:
    query = run_query("stauts:failed", "t1", NOW)
    assert query.filters == RunFilter(tenant="t1", text="stauts:failed")
    assert (query.faults, query.no_fields) == (
        (),
        ("stauts: is no field, so stauts:failed is a word to find",),
    )


@given(st.text(alphabet=st.characters()) | st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_no_text_raises_and_the_tenant_stays(typed: str) -> None:
    query = run_query(typed, "t1", NOW)
    assert query.filters.tenant == "t1"
    assert all(query.faults)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (812, "812"),
        (1_000, "1k"),
        (1_299, "1.2k"),
        (46_500, "46k"),
        (999_999, "999k"),
        (3_190_000, "3.1M"),
        (10**18, "1000000T"),
    ],
)
def test_a_number_in_few_characters_is_never_rounded_up(number: int, shown: str) -> None:
    assert short_number(number) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(None, "    -"), (0.0, " 0.00"), (0.095, " 9.50"), (0.909, "90.90"), (0.99999, "99.99"), (1.0, "100.0")],
)
def test_a_share_in_a_column_has_always_as_many_digits_and_is_never_rounded_up(
    share: float | None, shown: str
) -> None:
    assert percent_cell(share) == shown


def test_the_example_fits_into_the_usual_width_of_a_terminal() -> None:
    assert len(EXAMPLE) <= 80 - 2


@pytest.mark.parametrize(
    ("share", "good", "bad"),
    [(None, "-", "-"), (0.0, "0", "0"), (0.05, "5", "5"), (0.05004, "5", "5.01"), (1 / 30_000, "0", "0.01")],
)
def test_a_share_is_never_rounded_to_a_better_one(share: float | None, good: str, bad: str) -> None:
    assert (percent(share), percent_of_bad(share)) == (good, bad)
