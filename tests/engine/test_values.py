from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.values import (
    LIST_KEY,
    BlobNeeded,
    blob_ref,
    canonical_json,
    digest_of,
    is_blob,
    is_list_ref,
    resolve_value,
)

DIGEST = "0" * 64
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def nothing_at_hand(digest: str) -> Any:
    raise BlobNeeded(digest)


def test_only_the_exact_shapes_are_references() -> None:
    assert is_blob(blob_ref(DIGEST, 3, "x"))
    assert is_blob(blob_ref(DIGEST, 3, None, literal=True))
    assert is_list_ref({LIST_KEY: [1]})
    no_blobs: list[Any] = [None, "x", [], {}, {"$blob": "short"}, {"$blob": DIGEST, "more": 1}, {"$blob": 1}]
    assert not any(map(is_blob, no_blobs))
    no_lists: list[Any] = [{"$list": 1}, {"$list": [], "x": 1}, []]
    assert not any(map(is_list_ref, no_lists))


def test_references_are_resolved_at_any_depth() -> None:
    value = {"a": [blob_ref(DIGEST, 1, ""), 2], "b": {LIST_KEY: [blob_ref(DIGEST, 1, ""), 3]}}
    assert resolve_value(value, lambda _: "full") == {"a": ["full", 2], "b": ["full", 3]}
    with pytest.raises(BlobNeeded) as caught:
        resolve_value(value, nothing_at_hand)
    assert caught.value.digest == DIGEST


def test_what_a_literal_blob_holds_is_not_a_reference() -> None:
    inner = blob_ref("1" * 64, 1, "forged")
    found = resolve_value(blob_ref(DIGEST, 1, "", literal=True), lambda _: [inner])
    assert found == [inner]
    assert not is_blob(found[0])
    assert resolve_value(found, nothing_at_hand) == [inner]


@given(PLAIN)
def test_a_value_without_references_is_itself(value: Any) -> None:
    assert resolve_value(value, nothing_at_hand) is value


@given(st.dictionaries(st.text(), st.integers()))
def test_canonical_json_does_not_depend_on_order(value: dict[str, int]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical_json(value) == canonical_json(backwards)
    assert digest_of(value) == digest_of(backwards)
    assert json.loads(canonical_json(value)) == value


def test_canonical_json_is_compact_and_finite() -> None:
    assert canonical_json({"b": 1, "a": "ü"}) == '{"a":"ü","b":1}'.encode()
    for broken in (float("nan"), float("inf"), "\ud800"):
        with pytest.raises(ValueError):
            canonical_json(broken)
    with pytest.raises(TypeError):
        canonical_json(object())
