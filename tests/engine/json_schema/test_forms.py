from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts.runs.request import UserInputRequest
from engine.errors import InvalidInput
from engine.json_schema.forms import (
    apply_defaults,
    check_schema,
    check_values,
    form_schema,
    path_fields,
    payload_errors,
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^[a-z]*$"},
        "count": {"type": "integer", "minimum": 1, "maximum": 3},
        "price": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5},
        "yes": {"type": "boolean"},
        "kind": {"enum": ["x", "y"]},
        "day": {"type": "string", "format": "date"},
        "tags": {
            "type": "array",
            "items": {"type": "string"},
            "uniqueItems": True,
            "minItems": 1,
            "maxItems": 3,
        },
        "nested": {
            "type": "object",
            "properties": {"inner": {"type": "string"}},
            "required": ["inner", "other"],
            "additionalProperties": False,
        },
    },
    "required": ["name"],
    "additionalProperties": False,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def request(**fields: Any) -> UserInputRequest:
    return UserInputRequest.model_validate({"form_id": "f", "prompt": "p", **fields})


def told(schema: dict[str, Any], values: Any) -> dict[str, str]:
    return {error.field: error.message for error in check_values(schema, values)}


def test_all_faults_are_told_at_once_on_the_field_itself() -> None:
    values = {
        "name": "",
        "count": True,
        "price": "1",
        "yes": 1,
        "kind": "z",
        "day": "soon",
        "tags": ["a", 1, "a"],
        "nested": {"more": 1},
        "extra": 1,
    }
    assert told(SCHEMA, values) == {
        "name": "must not be empty",
        "count": "must be a whole number",
        "price": "must be a number",
        "yes": "must be true or false",
        "kind": "must be one of: x, y",
        "day": "must be a valid date",
        "tags": "must not hold the same item twice",
        "tags.1": "must be text",
        "nested.inner": "is required",
        "nested.other": "is required",
        "nested.more": "is not a known field",
        "extra": "is not a known field",
    }
    assert told(SCHEMA, {}) == {"name": "is required"}
    assert told(SCHEMA, {"name": "abc", "count": 2, "day": "2024-02-29"}) == {}
    assert told(SCHEMA, {"name": "abc", "count": 9, "price": 1.25, "tags": []}) == {
        "count": "must be 3 or less",
        "price": "must be a multiple of 0.5",
        "tags": "must have at least 1 item",
    }


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_booleans_are_not_numbers(kind: str) -> None:
    assert told({"properties": {"n": {"type": kind}}}, {"n": True})
    assert not told({"properties": {"n": {"type": kind}}}, {"n": 1})


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", "2024-02-29", "2023-02-29"),
        ("time", "10:00:00+02:00", "10:00:00"),
        ("date-time", "2024-01-01T10:00:00Z", "2024-01-01T10:00:00"),
        ("email", "a@example.org", "a b"),
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "::1", ":::"),
        ("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "x"),
        ("uri", "https://example.org/x", "no"),
        ("path", "a/b", ""),
        ("path", "a", "a\0b"),
    ],
)
def test_formats_are_checked(name: str, good: str, bad: str) -> None:
    schema = {"properties": {"v": {"type": "string", "format": name}}}
    assert told(schema, {"v": good}) == {}
    assert told(schema, {"v": bad}) == {"v": f"must be a valid {name}"}


def test_messages_do_not_echo_what_was_typed() -> None:
    secret = "s3cret" * 1_000
    for error in check_values(SCHEMA, {"name": secret, "kind": secret, "count": secret, "yes": [secret]}):
        assert "s3cret" not in error.message
        assert len(error.message) < 200


def test_huge_values_are_refused_before_anything_looks_at_them() -> None:
    assert told(SCHEMA, {"name": "x" * 100_001}) == {"name": "must have at most 100,000 characters"}
    slow = {"properties": {"v": {"type": "string", "pattern": "[a-z]+x"}}}
    assert "v" in told(slow, {"v": "a" * 50_000})
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    assert told(
        {"properties": {"v": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"items": {"$ref": "#/$defs/n"}}}},
        {"v": deep},
    )
    many = {"properties": {"v": {"type": "array", "uniqueItems": True}}}
    assert told(many, {"v": [{"n": n} for n in range(20_000)]}) == {}


def test_the_number_of_faults_is_bounded() -> None:
    schema = {"properties": {"v": {"items": {"type": "string"}}}}
    assert len(check_values(schema, {"v": list(range(5_000))})) <= 101


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ([], "object"),
        ({"type": "objct"}, "type"),
        ({"properties": {"a": {"minLength": "x"}}}, "properties.a.minLength"),
        ({"properties": {"a": {"pattern": "(a+)+"}}}, "properties.a.pattern"),
        ({"properties": {"a": {"pattern": "("}}}, "properties.a.pattern"),
        ({"properties": {"a": {"pattern": "a" * 501}}}, "500"),
        ({"patternProperties": {"(a*)*": {}}}, "patternProperties"),
        ({"$ref": "https://example.org/schema.json"}, "$ref"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "properties.a.$ref"),
        ({"properties": {"a": {"$ref": "#/$defs/no"}}}, "#/$defs/no"),
    ],
)
def test_a_schema_that_cannot_be_used_is_told_by_place(schema: Any, place: str) -> None:
    problems = check_schema(schema)
    assert any(place in problem for problem in problems)
    if isinstance(schema, dict):
        errors = check_values(schema, {})
        assert len(errors) == 1
        assert errors[0].field == ""


def test_good_schemas_have_no_problems() -> None:
    assert check_schema({}) == []
    assert check_schema(SCHEMA) == []
    fields = {name: {"type": "string"} for name in ("pattern", "$ref", "default", "enum")}
    assert check_schema({"type": "object", "properties": fields}) == []
    assert (
        check_schema({"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "string"}}}) == []
    )


def test_a_schema_that_refers_to_itself_ends() -> None:
    assert told({"$ref": "#"}, {}) == {"": "is nested too deeply"}


def test_free_text_is_asked_for_with_its_constraints() -> None:
    schema = form_schema(request(mode="free_text_input", constraints={"max_length": 5}))
    assert told(schema, {}) == {"text": "is required"}
    assert "text" in told(schema, {"text": " \n "})
    assert told(schema, {"text": "abcdef"}) == {"text": "must have at most 5 characters"}
    assert told(schema, {"text": "abc"}) == {}
    assert told(schema, {"text": "abc", "more": 1}) == {"more": "is not a known field"}
    assert told(schema, {"text": True}) == {"text": "must be text"}
    patterned = form_schema(request(mode="free_text_input", constraints={"text": {"pattern": "^[a ]+$"}}))
    assert told(patterned, {"text": "aa"}) == {}
    assert "text" in told(patterned, {"text": "b"})
    assert told(patterned, {"text": "  "}) == {"text": "must not be blank"}


def test_choices_become_a_required_field() -> None:
    schema = form_schema(request(choices=[{"value": "a", "label": "First"}, {"value": 2}]))
    assert schema["properties"]["choice"] == {"enum": ["a", 2], "enumNames": ["First", "2"]}
    assert told(schema, {}) == {"choice": "is required"}
    assert told(schema, {"choice": "b"}) == {"choice": "must be one of: a, 2"}
    assert told(schema, {"choice": 2}) == {}


def test_required_and_constraints_are_merged_into_the_schema() -> None:
    asked = request(
        schema={
            "properties": {"n": {"type": "integer"}, "s": {"type": "string"}, "l": {"type": "array"}},
            "required": ["s"],
        },
        required=["n", "s"],
        constraints={
            "n": {"min": 1, "max": 3},
            "s": {"min": 2, "max_length": 4},
            "l": {"max": 1, "uniqueItems": True},
        },
    )
    schema = form_schema(asked)
    assert schema["required"] == ["s", "n"]
    assert schema["additionalProperties"] is False
    assert told(schema, {"n": 4, "s": "x", "l": [1, 2], "q": 1}) == {
        "n": "must be 3 or less",
        "s": "must have at least 2 characters",
        "l": "must have at most 1 item",
        "q": "is not a known field",
    }
    assert "additionalProperties" not in asked.json_schema
    assert check_schema(schema) == []


def test_a_schema_may_allow_more_fields() -> None:
    schema = form_schema(request(schema={"additionalProperties": True}, required=["anything"]))
    assert told(schema, {"anything": 1, "more": 2}) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"required": ["ghost"]},
        {"constraints": {"ghost": {"min": 1}}},
        {"schema": {"properties": {"a": {}}}, "constraints": {"a": 3}},
        {"schema": {"type": "array"}},
        {"schema": {"properties": []}},
        {"schema": {"properties": {"a": {}}}, "choices": [{"value": 1}]},
        {"choices": []},
        {"choices": [{"label": "x"}]},
    ],
)
def test_a_request_that_contradicts_itself_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        form_schema(request(**fields))


def test_defaults_fill_the_form_from_request_and_schema() -> None:
    schema = {
        "properties": {
            "a": {"default": 1},
            "b": {"default": 2},
            "c": {},
            "n": {"type": "object", "properties": {"x": {"default": "q"}, "y": {}}},
            "o": {"default": {"any": 1}},
        }
    }
    assert apply_defaults(schema, {"b": 5, "n": {"y": 3}, "unknown": 1}) == {
        "a": 1,
        "b": 5,
        "n": {"x": "q", "y": 3},
        "o": {"any": 1},
    }
    assert apply_defaults(schema, {"o": {"own": 2}})["o"] == {"own": 2}


def test_payloads_are_checked_by_the_same_validator() -> None:
    assert payload_errors({}, {"any": 1}) == ()
    assert payload_errors({}, [1])[0].field == ""
    assert payload_errors(SCHEMA, {"name": 1})[0].message == "must be text"


def test_path_fields_are_found_in_nested_objects() -> None:
    path = {"type": "string", "format": "path"}
    schema = {
        "properties": {
            "repo": path,
            "n": {"properties": {"out": {"format": "path"}}},
            "s": {"type": "string"},
        }
    }
    assert path_fields(schema) == (("repo",), ("n", "out"))
    assert path_fields({}) == ()


@given(st.dictionaries(st.text(), JSON))
def test_any_answer_gets_an_answer(values: dict[str, Any]) -> None:
    assert all(error.message for error in check_values(SCHEMA, values))


@given(JSON)
def test_any_schema_is_judged_and_never_crashes(schema: Any) -> None:
    if not check_schema(schema):
        check_values(schema, {"a": 1})


def test_faults_inside_the_alternative_that_was_meant_are_told_at_their_fields() -> None:
    schema = {
        "properties": {
            "way": {
                "oneOf": [
                    {
                        "properties": {
                            "kind": {"const": "mail"},
                            "to": {"type": "string", "format": "email"},
                        },
                        "required": ["kind", "to"],
                    },
                    {
                        "properties": {"kind": {"const": "post"}, "street": {"type": "string"}},
                        "required": ["street"],
                    },
                ]
            },
            "maybe": {"anyOf": [{"type": "string", "minLength": 3}, {"type": "null"}]},
        }
    }
    told = {
        error.field: error.message for error in check_values(schema, {"way": {"kind": "mail", "to": "x"}})
    }
    assert told == {"way.to": "must be a valid email"}
    told = {error.field: error.message for error in check_values(schema, {"way": {"kind": "post"}})}
    assert told == {"way.street": "is required"}
    told = {error.field: error.message for error in check_values(schema, {"maybe": "ab"})}
    assert told == {"maybe": "must have at least 3 characters"}
    # Which one was meant is not plain: the fault stays where the choice is.
    told = {error.field: error.message for error in check_values(schema, {"way": {"kind": "fax"}})}
    assert told == {"way": "does not have the form that is asked for"}


def test_an_alternative_that_nothing_fits_says_no_more_than_that() -> None:
    schema = {"type": "object", "properties": {"x": {"oneOf": [False, {"type": "integer"}]}}}
    assert check_values(schema, {"x": 1}) == ()
    assert [fault.field for fault in check_values(schema, {"x": "a"})] == ["x"]
