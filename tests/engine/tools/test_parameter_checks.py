"""The quick check says yes only where the whole validator does, and knows every built-in tool's schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine.tools.builtin.all import builtin_registry
from engine.tools.parameters import parameter_check
from engine.tools.quick_check import quick_check

SPECS = {spec.name: spec for spec in builtin_registry().specs()}

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.sampled_from([0.0, 1.0, 1.5, -0.5])
    | st.text("ab1", max_size=4)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
small = st.integers(0, 3)
schemas = st.recursive(
    st.just(True)
    | st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"])
            | st.lists(st.sampled_from(["string", "integer", "null"]), min_size=1, unique=True),
            "enum": st.lists(leaves, min_size=1, max_size=3),
            "minLength": small,
            "maxLength": small,
            "pattern": st.sampled_from(["^a", "b$", "1"]),
            "minimum": small,
            "exclusiveMaximum": small,
            "description": st.just("words"),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "items": inner,
            "minItems": small,
            "maxItems": small,
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "additionalProperties": inner | st.just(False),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
        },
    ),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(schema=schemas, value=values)
def test_a_yes_is_never_wrong(schema: Any, value: Any) -> None:
    quick = quick_check(schema)
    if quick is not None and quick(value):
        assert Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_the_schema_of_every_built_in_tool_is_understood(name: str) -> None:
    assert quick_check(SPECS[name].parameters) is not None


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/x"},
        {"type": "nonsense"},
        {"minLength": -1},
        {"pattern": "("},
        {"uniqueItems": True},
        {"properties": {"a": {"multipleOf": 0.01}}},
    ],
)
def test_what_is_not_known_is_left_to_the_validator(schema: Any) -> None:
    assert quick_check(schema) is None


def test_faults_have_the_words_of_the_validator() -> None:
    check = parameter_check(SPECS["files.read"].parameters)
    assert check({"root": "/", "path": "x"}) == []
    assert check({"root": "/", "path": 5}) == [("/path", "5 is not of type 'string'")]
    assert check({"root": "/"}) == [("", "'path' is a required property")]


def test_a_broken_schema_is_an_error_of_its_own() -> None:
    with pytest.raises(ValueError, match="not a JSON Schema"):
        parameter_check({"type": "nonsense"})
