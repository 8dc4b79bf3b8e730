"""Graphs of steps as lines."""

from __future__ import annotations

from screens.widgets.drawn_graph import drawn_graph


def lines(needs: dict[str, list[str]]) -> list[str]:
    return [f"{drawn.rails} {drawn.id}" for drawn in drawn_graph(needs)]


def test_what_needs_more_stands_further_in_below_what_it_needs() -> None:
    needs = {"ship": ["test", "lint"], "build": [], "test": ["build"], "lint": []}
    assert lines(needs) == ["├ build", "├ lint", "├── test", "└──── ship"]


def test_what_is_wrong_is_drawn_all_the_same() -> None:
    assert lines({"a": ["b"], "b": ["a"], "c": ["gone"]}) == ["├ a", "├ c", "└── b"]
    assert lines({}) == []
