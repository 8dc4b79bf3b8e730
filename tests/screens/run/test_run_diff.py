"""What differs between two runs, and how an event filter is read."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.contracts.runs.run import EventFilter
from engine.contracts.status import StepStatus
from screens.compare.diff import ALIGNED_ITEMS, Change, compare_steps, compare_values
from screens.run.log.event_query import event_filter
from tests.fakes.views import a_step, ago

_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=20,
)


def changes(left: Any, right: Any) -> list[tuple[tuple[str | int, ...], str]]:
    return [(part.path, part.change.value) for part in compare_values(left, right)]


def test_only_the_parts_that_differ_stand_alone() -> None:
    left = {"name": "Ana", "tags": ["a", "b"], "old": 1, "same": {"x": 1}}
    right = {"name": "Bo", "tags": ["a", "b"], "new": 2, "same": {"x": 1}}
    assert changes(left, right) == [
        (("name",), "changed"),
        (("tags",), "same"),
        (("old",), "removed"),
        (("same",), "same"),
        (("new",), "added"),
    ]


def test_an_item_put_in_does_not_change_all_that_follow() -> None:
    found = compare_values(["a", "b", "c"], ["new", "a", "b", "c"])
    assert [part.change for part in found] == [Change.ADDED, *[Change.SAME] * 3]


def test_long_lists_are_compared_place_by_place() -> None:
    long = list(range(ALIGNED_ITEMS + 1))
    found = [part for part in compare_values(long, [*long[:-1], "x"]) if part.change is not Change.SAME]
    assert [(part.path, part.right) for part in found] == [((ALIGNED_ITEMS,), "x")]


def test_values_of_another_type_differ() -> None:
    assert changes(1, True) == changes(1, 1.0) == changes("1", 1) == changes({}, []) == [((), "changed")]


def test_a_very_deep_value_is_compared_as_a_whole_there() -> None:
    left: Any = 1
    right: Any = 2
    for _ in range(300):
        left, right = [left], [right]
    assert [part.change for part in compare_values(left, right)] == [Change.CHANGED]


@given(_json)
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    assert changes(value, value) == [((), "same")]


@given(_json, _json)
def test_sides_exchanged_are_the_same_differences(left: Any, right: Any) -> None:
    there = sorted(part.change.value for part in compare_values(left, right) if part.change is Change.CHANGED)
    back = sorted(part.change.value for part in compare_values(right, left) if part.change is Change.CHANGED)
    assert bool(changes(left, right) == [((), "same")]) == bool(changes(right, left) == [((), "same")])
    if not isinstance(left, list) and not isinstance(left, dict):
        assert there == back


def test_steps_differ_by_status_or_by_more_than_a_tenth_of_their_time() -> None:
    left = (a_step("a"), a_step("b"), a_step("c", started_at=ago(10), finished_at=ago(6)), a_step("gone"))
    right = (
        a_step("a", finished_at=ago(289.56)),
        a_step("b", StepStatus.FAILED),
        a_step("c", started_at=ago(10), finished_at=ago(2)),
        a_step("new", finished_at=None),
    )
    pairs = compare_steps(left, right)
    assert [(pair.step_id, pair.change.value) for pair in pairs] == [
        ("a", "same"),
        ("b", "changed"),
        ("c", "changed"),
        ("gone", "removed"),
        ("new", "added"),
    ]
    assert (pairs[2].left_seconds, pairs[2].right_seconds) == (4, 8)
    assert pairs[4].right_seconds is None


def test_the_event_filter_speaks_kind_step_by_and_words() -> None:
    assert event_filter("kind:failed step:scan by:ana disk full") == EventFilter(
        kind="failed", step_id="scan", actor="ana", text="disk full"
    )
    assert event_filter("  ") is None
    assert event_filter("kind:") is None
    assert event_filter("http://x") == EventFilter(text="http://x")


def test_lists_made_to_hold_their_comparison_up_are_compared_place_by_place() -> None:
    left: list[Any] = [item for i in range(500) for item in (0, f"left {i}")]
    right: list[Any] = [f"right {i}" for i in range(3)] + [
        item for i in range(498) for item in (0, f"right {i}")
    ]
    found = compare_values(left, right)
    assert {part.path for part in found if part.change is Change.CHANGED} >= {(0,), (1,), (2,), (998,)}


def test_lists_that_people_know_are_aligned_first() -> None:
    left = [f"item {i}" for i in range(1_000)]
    found = compare_values(left, [*left[:500], "new", *left[500:-1]])
    assert [part.change for part in found if part.change is not Change.SAME] == [Change.ADDED, Change.REMOVED]
    found = compare_values([0] * 1_000, [0] * 1_000)
    assert [part.change for part in found] == [Change.SAME]
