from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts.masks import STRUCK_OUT
from engine.errors import InvalidInput
from engine.governance.masking import Masker
from engine.governance.redactor import PREVIEW_LIMIT, Redactor, StoredValue
from engine.values import LIST_KEY, canonical_json, digest_of, is_blob, resolve_value

REDACTOR = Redactor(Masker(), inline_limit=1_000)
KEYS = st.sampled_from(["$blob", "$list", "$blobx", "size", "preview", "token", "mail"]) | st.text(max_size=5)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["ann@example.org", "0" * 64, "x" * 300, "sk-abc1"]),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


def test_small_plain_values_stay_inline_as_they_are() -> None:
    value = {"a": [1, "x", None]}
    kept = REDACTOR.storable(value)
    assert kept.value is value
    assert kept.blobs == {}


@given(JSON, st.lists(JSON, max_size=3))
def test_what_is_joined_from_stored_values_is_kept_as_if_all_of_it_came_from_outside(
    first: Any, others: list[Any]
) -> None:
    parts = [REDACTOR.storable(one) for one in (first, *others)]
    held = {digest: raw for part in parts for digest, raw in part.blobs.items()}
    joined = {"reply": parts[0].value, "results": {LIST_KEY: [part.value for part in parts[1:]]}}
    whole = resolve_value(joined, lambda digest: json.loads(held[digest]))
    if REDACTOR.holds_whole(canonical_json(joined)):
        assert REDACTOR.storable(whole) == StoredValue(whole)


@pytest.mark.parametrize(
    ("reply", "whole"), [({"text": "x"}, True), ({"text": "x" * 17_000}, False), ({"$blob": "0" * 64}, False)]
)
def test_what_is_joined_from_small_values_that_refer_to_nothing_is_whole(
    reply: dict[str, str], whole: bool
) -> None:
    joined = {"reply": reply, "results": {LIST_KEY: ["y"]}}
    assert REDACTOR.holds_whole(canonical_json(joined)) is whole


def test_secrets_are_replaced_and_the_value_may_stay_inline() -> None:
    kept = REDACTOR.storable({"token": "abc", "x": 1})
    assert kept.value == {"token": STRUCK_OUT, "x": 1}
    assert kept.blobs == {}


def test_large_values_become_blobs() -> None:
    value = {"text": "y" * 2_000}
    kept = REDACTOR.storable(value)
    assert is_blob(kept.value)
    digest = digest_of(value)
    assert kept.value["$blob"] == digest
    assert kept.blobs == {digest: canonical_json(value)}
    assert kept.value["size"] == len(canonical_json(value))


def test_personal_data_goes_to_a_blob_and_shows_masked() -> None:
    kept = REDACTOR.storable({"mail": "ann@example.org", "password": "p"})
    (raw,) = kept.blobs.values()
    assert json.loads(raw) == {"mail": "ann@example.org", "password": STRUCK_OUT}
    assert kept.value["preview"] == {"mail": "[EMAIL]", "password": STRUCK_OUT}


def test_a_preview_never_shows_part_of_what_is_masked() -> None:
    mail = "ann.the.long.name@mail.example.org"
    for padding in range(40, 120):
        text = "x " * padding + mail + " y" * 1_000
        assert "ann" not in str(REDACTOR.storable({"t": text}).value["preview"])
        assert "ann" not in str(REDACTOR.storable({"t": f"{mail} " * padding}).value["preview"])


def test_a_preview_shows_beginnings_and_how_much_more_there_is() -> None:
    few, many = list(range(8)), list(range(10))
    named = {str(number): number for number in range(10)}
    assert REDACTOR.preview(few) == few
    assert REDACTOR.preview(many) == [*few, "… +2"]
    assert REDACTOR.preview(dict(list(named.items())[:8])) == {str(number): number for number in few}
    assert REDACTOR.preview(named) == {**{str(number): number for number in few}, "…": "+2"}
    assert REDACTOR.preview([[[1, 2]], {"a": {"b": 1}}]) == [["[… 2 items]"], {"a": "{… 1 fields}"}]
    assert REDACTOR.preview(["x" * 80, "x" * 81]) == ["x" * 80, f"{'x' * 79}…"]


def test_personal_data_stays_inline_when_masking_is_off() -> None:
    value = {"mail": "ann@example.org"}
    assert Redactor(Masker(enabled=False)).storable(value).value is value


@pytest.mark.parametrize(
    "value",
    [
        {"$blob": "0" * 64, "size": 1, "preview": ""},
        {"$list": [1]},
        {"deep": [{"$blob": "0" * 64, "size": 1, "preview": ""}]},
        {"$blob_like": 1},
    ],
)
def test_outside_data_shaped_like_a_reference_is_kept_as_data(value: dict[str, Any]) -> None:
    kept = REDACTOR.storable(value)
    assert is_blob(kept.value)
    assert kept.value["literal"] is True

    def resolve(digest: str) -> Any:
        return json.loads(kept.blobs[digest])

    found = resolve_value(kept.value, resolve)
    assert found == value
    assert resolve_value(found, resolve) == value
    assert REDACTOR.storable(found) == kept


@pytest.mark.parametrize("value", [float("nan"), {"x": float("inf")}, "\ud800", object(), {"x": {1, 2}}])
def test_what_is_not_json_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput):
        REDACTOR.storable(value)


def test_what_is_nested_too_deeply_is_refused_or_kept_whole() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidInput):
        REDACTOR.storable(deep)


@given(JSON)
def test_every_value_comes_back_without_secrets_and_previews_are_small(value: Any) -> None:
    kept = REDACTOR.storable(value)

    def resolve(digest: str) -> Any:
        return json.loads(kept.blobs[digest])

    assert resolve_value(kept.value, resolve) == Masker().scrub_secrets(value)
    stored = canonical_json(kept.value)
    assert b"ann@example.org" not in stored
    assert b"sk-abc1" not in stored + b"".join(kept.blobs.values())
    if kept.blobs:
        assert len(canonical_json(kept.value["preview"])) <= PREVIEW_LIMIT


@pytest.mark.parametrize(
    "value",
    [
        {
            "reply": {"text": "Done.", "usage": {"input_tokens": 3, "output_tokens": 1}},
            "results": ["a", {"b": 1}],
        },
        {"text": 'says "otp" and "pin"\n' * 60},
        {"several": [{"deep": [{"deeper": "x"}]}] * 9, **{f"k{n}": n for n in range(9)}},
        {"text": "é\\u0041 \x1b[0m" + "y" * 900},
        ["1 - 2 - 3", "+ 5", "a.b@", "(2)"],
    ],
)
def test_what_is_kept_apart_is_previewed_alike_whether_it_was_found_clean_at_once_or_part_by_part(
    value: Any,
) -> None:
    redactor = Redactor(Masker(), inline_limit=0)
    kept = redactor.storable(value)
    assert kept.value["preview"] == redactor.preview(value)
    assert [*kept.blobs.values()] == [canonical_json(value)]
