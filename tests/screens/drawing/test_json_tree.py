"""JSON values as lines of a folding tree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screens.widgets.json.json_tree import (
    FIRST_LINES,
    SHOWN_CHARACTERS,
    JsonTree,
    Node,
    format_path,
    format_value,
    is_long,
)

_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=30,
)


def words(tree: JsonTree) -> list[tuple[str, str]]:
    return [(format_path(node.path), format_value(node)) for node in tree.lines()]


def test_a_small_value_opens_at_once() -> None:
    tree = JsonTree({"input": {"name": "Ana", "tags": ["a", 1]}, "output": None})
    assert words(tree) == [
        ("input", "{2 keys}"),
        ("input.name", '"Ana"'),
        ("input.tags", "[2 items]"),
        ("input.tags[0]", '"a"'),
        ("input.tags[1]", "1"),
        ("output", "null"),
    ]


def test_what_is_long_stays_folded_until_it_is_opened() -> None:
    tree = JsonTree({"input": {"few": [1], "many": list(range(10_000))}})
    assert [format_path(node.path) for node in tree.lines()] == [
        "input",
        "input.few",
        "input.few[0]",
        "input.many",
    ]
    tree.opened.add(("input", "many"))
    assert len(tree.lines()) == 10_004


@given(_json)
def test_open_everywhere_every_part_is_one_line(value: Any) -> None:
    tree = JsonTree({"v": value})
    while closed := {node.path for node in tree.lines() if node.children and not node.open}:
        tree.opened |= closed
    lines = tree.lines()
    assert len({format_path(node.path) for node in lines}) == len(lines)
    for node in lines:
        at = value
        for part in node.path[1:]:
            at = at[part]
        assert at == node.value


@given(_json)
def test_it_never_begins_long(value: Any) -> None:
    own = len(value) if isinstance(value, (dict, list)) else 0
    assert len(JsonTree({"v": value}).lines()) <= max(FIRST_LINES, own + 1)


def test_other_values_keep_what_was_open() -> None:
    tree = JsonTree({"input": {"a": {"b": 1}}})
    tree.opened.remove(("input", "a"))
    fresh = tree.replaced({"input": {"a": {"b": 2}}, "output": {"c": 1}})
    assert words(fresh) == [
        ("input", "{1 key}"),
        ("input.a", "{1 key}"),
        ("output", "{1 key}"),
        ("output.c", "1"),
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("output", "items", 3, "name"), "output.items[3].name"),
        (("input", "a b"), 'input["a b"]'),
        (("input", "0"), 'input["0"]'),
        (("input", "a.b", 'q"'), 'input["a.b"]["q\\""]'),
    ],
)
def test_paths_read_like_code(path: tuple[str | int, ...], expected: str) -> None:
    assert format_path(path) == expected


def test_long_texts_are_cut_with_a_note() -> None:
    node = Node(("v", "x"), "y" * 20_000, None, open=False)
    shown = format_value(node)
    assert shown.startswith(json.dumps("y" * SHOWN_CHARACTERS))
    assert shown.endswith("19,700 more characters, Enter shows all")
    assert is_long("a\nb", 80)
    assert is_long("广" * 10, 20)
    assert not is_long("short", 7)
    assert not is_long(["x" * 1_000], 20)


def test_empty_containers_do_not_fold() -> None:
    assert words(JsonTree({"a": {}, "b": []})) == [("a", "{}"), ("b", "[]")]


@given(_json, st.text(max_size=2), st.booleans())
def test_each_search_goes_to_the_next_place_with_the_words_and_around(
    value: Any,
    wanted: str,
    on: bool,
) -> None:
    tree = JsonTree({"v": value})
    while closed := {node.path for node in tree.lines() if node.children and not node.open}:
        tree.opened |= closed
    lines = tree.lines()
    tree.opened.clear()

    def has(node: Node) -> bool:
        name = node.path[-1]
        text = node.value if isinstance(node.value, str) else json.dumps(node.value)
        words = [name] if isinstance(name, str) else []
        words += [text] if node.children is None else []
        return any(wanted.casefold() in word.casefold() for word in words)

    expected = [node.path for node in lines if has(node)]
    if not on:
        own = [path for path in expected[:1] if path == ("v",)]
        expected = own + expected[len(own) :][::-1]
    at = lines[0].path
    for turn, path in enumerate([*expected, *expected[:1]]):
        assert tree.find(wanted, 1 if on else -1, at, here=turn == 0) == path
        at = path
    assert expected or tree.find(wanted, 1, at, here=True) is None
