"""A JSON Schema as fields, and what is typed into them as values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.contracts.runs.request import FieldError
from engine.json_schema.forms import check_schema, check_values
from screens.forms.field import ADDITIONAL_PROPERTIES, Field, Kind
from screens.forms.from_schema import MOST_FIELDS, form_of
from screens.forms.values import as_typed, fitting, initial_typed, nearest, read
from tests.screens.forms.random_schemas import JSON, NAMES, forms, schemas

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["severity", "mail", "count"],
    "properties": {
        "severity": {"type": "string", "enum": ["low", "high"], "enumNames": ["not bad", "very bad"]},
        "mail": {"type": "string", "title": "Mail", "description": "Where to write", "minLength": 3},
        "count": {"type": "integer", "minimum": 1},
        "share": {"type": "number", "default": 0.5},
        "public": {"type": "boolean", "default": True},
        "note": {"type": "string", "maxLength": 900},
        "owner": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "boss": {"type": "boolean"}},
        },
        "paths": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "tags": {"type": "array", "items": {"enum": ["red", "green"]}, "uniqueItems": True},
        "people": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "string"}}}},
        "way": {
            "oneOf": [
                {"title": "By mail", "properties": {"kind": {"const": "mail"}, "to": {"type": "string"}}},
                {"properties": {"kind": {"const": "post"}, "street": {"type": "string"}}},
            ]
        },
        "size": {"oneOf": [{"const": 1, "title": "small"}, {"const": 2}]},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "either": {"type": ["string", "integer"]},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}]},
        "free": {},
        "body": {"type": "string", "contentMediaType": "text/markdown"},
        "long": {"type": "string", "x-multiline": True},
        "version": {"const": 2},
        "made": {"type": "string", "readOnly": True, "default": "here"},
    },
}


# Without shrinking: a failing schema is small enough to read, and shrinking one takes minutes.
BOUNDED = settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))


def without_contradictions(schema: Any) -> Any:
    """A default that breaks its own schema, or rules that cannot hold together, are nobody's typing."""
    if isinstance(schema, dict):
        return {
            key: without_contradictions(part)
            for key, part in schema.items()
            if key not in ("default", "allOf") and not (key in ("oneOf", "anyOf") and "type" in schema)
        }
    return [without_contradictions(part) for part in schema] if isinstance(schema, list) else schema


def holds_null(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(holds_null, value.values() if isinstance(value, dict) else value))
    return value is None


def kinds(field: Field) -> dict[str, Kind]:
    return {child.name: child.kind for child in field.children}


def typed_with(field: Field, **typed: Any) -> dict[str, Any]:
    found: dict[str, Any] = initial_typed(field) | typed
    return found


def child(field: Field, name: str) -> Field:
    return next(found for found in field.children if found.name == name)


def test_every_kind_of_schema_becomes_a_field() -> None:
    assert kinds(form_of(SCHEMA)) == {
        "severity": Kind.CHOICE,
        "mail": Kind.TEXT,
        "count": Kind.INTEGER,
        "share": Kind.NUMBER,
        "public": Kind.BOOLEAN,
        "note": Kind.LONG_TEXT,
        "owner": Kind.GROUP,
        "paths": Kind.LINES,
        "tags": Kind.PICKS,
        "people": Kind.LIST,
        "way": Kind.VARIANT,
        "size": Kind.CHOICE,
        "maybe": Kind.INTEGER,
        "either": Kind.VARIANT,
        "pair": Kind.JSON,
        "free": Kind.JSON,
        "body": Kind.LONG_TEXT,
        "long": Kind.LONG_TEXT,
        "version": Kind.FIXED,
        "made": Kind.FIXED,
    }


def test_defaults_of_the_request_win_over_those_of_the_schema() -> None:
    form = form_of(SCHEMA, {"share": 0.75, "owner": {"name": "Ana"}, "paths": ["/x"], "severity": "high"})
    draft = initial_typed(form)
    assert (draft["share"], draft["owner"], draft["paths"], draft["severity"]) == (
        "0.75",
        {"name": "Ana", "boss": False},
        "/x",
        1,
    )
    values, errors = read(form, draft)
    assert errors == ()
    assert values["owner"] == {"name": "Ana", "boss": False}


def test_an_optional_group_that_nobody_filled_in_is_left_out() -> None:
    form = form_of(SCHEMA)
    values, _ = read(form, initial_typed(form))
    assert values == {"share": 0.5, "public": True, "version": 2, "made": "here"}


def test_numbers_json_does_not_know_are_refused() -> None:
    form = form_of({"properties": {"n": {"type": "number"}}})
    for typed in ("nan", "inf", "1e999", "one", "9" * 5000):
        assert read(form, {"n": typed})[1] or len(typed) > 4000, typed
    assert read(form, {"n": "1e3"})[0] == {"n": 1000.0}


def test_json_that_is_none_is_told_at_its_field_and_kept_for_copying() -> None:
    form = form_of({"properties": {"free": {}, "n": {"type": "integer"}}})
    for typed in ("{", "[NaN]", "[" * 100_000):
        values, errors = read(form, {"free": typed, "n": "x"})
        assert values == {}
        assert [error.field for error in errors] == ["free", "n"]
        assert as_typed(form, {"free": typed, "n": "x"}) == {"free": typed, "n": "x"}


def test_a_choice_between_schemas_reads_the_chosen_one_only() -> None:
    form = form_of(SCHEMA)
    way = child(form, "way")
    assert way.labels == ("By mail", "post")
    parts = {"0": {"kind": "", "to": "a@b"}, "1": {"kind": "", "street": "Main"}}
    values, errors = read(form, typed_with(form, way={"chosen": 1, "parts": parts}))
    assert (values["way"], errors) == ({"kind": "post", "street": "Main"}, ())
    assert "way" not in read(form, typed_with(form, way={"chosen": None, "parts": parts}))[0]


def test_a_choice_begins_with_the_schema_its_default_fits() -> None:
    form = form_of(SCHEMA, {"way": {"kind": "post", "street": "Main"}, "either": 3})
    draft = initial_typed(form)
    assert draft["way"] == {"chosen": 1, "parts": {"1": {"kind": "", "street": "Main"}}}
    assert draft["either"]["chosen"] == 1
    assert read(form, draft)[0]["either"] == 3


def test_fields_beside_a_choice_are_drawn_with_every_alternative() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "oneOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "string"}}}],
    }
    form = form_of(schema)
    assert form.kind is Kind.VARIANT
    assert list(kinds(form.makers[1].field)) == ["name", "b"]


def test_alternatives_that_only_add_rules_change_nothing_of_the_form() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    assert kinds(form_of(schema)) == {"a": Kind.TEXT, "b": Kind.TEXT}


def test_items_of_a_list_are_read_in_order_and_an_emptied_one_stays_empty() -> None:
    form = form_of(SCHEMA, {"people": [{"n": "Ana"}, {"n": "Ben"}], "paths": ["/x"]})
    draft = initial_typed(form)
    assert draft["people"] == [{"n": "Ana"}, {"n": "Ben"}]
    values, _ = read(form, draft | {"people": [{"n": "Ben"}, {"n": ""}], "paths": ""})
    assert values["people"] == [{"n": "Ben"}, {}]
    # Else the engine would put the default back.
    assert values["paths"] == []


def test_fields_that_a_group_does_not_name_are_typed_as_json() -> None:
    form = form_of({"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "integer"}})
    assert kinds(form)[ADDITIONAL_PROPERTIES] is Kind.JSON
    assert read(form, {"a": "x", ADDITIONAL_PROPERTIES: '{"b": 1}'}) == ({"a": "x", "b": 1}, ())
    assert (
        read(form, {"a": "x", ADDITIONAL_PROPERTIES: "[1]"})[1][0].message
        == "a JSON object is needed, such as {}"
    )
    closed = form_of({"properties": {"a": {"type": "string"}}, "additionalProperties": False})
    assert ADDITIONAL_PROPERTIES not in kinds(closed)


def test_references_are_followed_and_a_schema_inside_itself_ends_in_json() -> None:
    schema = {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                    "others": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
            }
        },
        "properties": {"top": {"$ref": "#/$defs/node", "title": "The top"}},
    }
    top = child(form_of(schema), "top")
    assert top.title == "The top"
    assert kinds(top) == {"name": Kind.TEXT, "next": Kind.JSON, "others": Kind.LIST}
    # A list grows by hand, so each item may hold a list again.
    assert child(child(top, "others").makers[0].field, "others").kind is Kind.LIST


def test_a_schema_that_grows_without_bound_is_drawn_to_a_limit() -> None:
    defs: dict[str, Any] = {
        f"d{level}": {"properties": {name: {"$ref": f"#/$defs/d{level + 1}"} for name in "abcdef"}}
        for level in range(12)
    }
    defs["d12"] = {"type": "string"}

    def count(field: Field) -> int:
        return 1 + sum(map(count, field.children))

    form = form_of({"$defs": defs, "$ref": "#/$defs/d0"})
    assert MOST_FIELDS / 2 < count(form) < MOST_FIELDS * 10


def test_a_nullable_field_that_is_required_and_empty_is_null() -> None:
    schema = {
        "properties": {"a": {"type": ["string", "null"]}, "b": {"type": ["string", "null"]}},
        "required": ["a"],
    }
    form = form_of(schema)
    assert read(form, initial_typed(form)) == ({"a": None}, ())


def test_a_draft_of_another_schema_is_kept_as_far_as_it_fits() -> None:
    form = form_of(SCHEMA)
    old = {
        "mail": "a@b",
        "severity": 7,
        "gone": "x",
        "people": "no list",
        "public": "yes",
        "way": {"chosen": 9},
    }
    fitted = fitting(form, old)
    assert fitted["mail"] == "a@b"
    assert fitted | {"mail": ""} == initial_typed(form)


@pytest.mark.parametrize("draft", [None, [], "x", {"way": {"chosen": 1, "parts": {"1": None, "x": 1}}}])
def test_a_draft_that_is_none_is_no_draft(draft: Any) -> None:
    form = form_of(SCHEMA)
    assert read(form, fitting(form, draft))[0] is not None


def test_a_fault_goes_to_the_nearest_drawn_field() -> None:
    names = ("paths.1", "owner.name", "extra.deep.x", "nowhere")
    faults = [FieldError(field=name, message="bad") for name in names]
    assert nearest({"", "paths", "owner", "owner.name", "extra"}, faults) == {
        "paths": "1: bad",
        "owner.name": "bad",
        "extra": "deep.x: bad",
        "": "nowhere: bad",
    }


def test_hints_say_what_is_expected() -> None:
    form = form_of(
        {
            "properties": {
                "when": {"type": "string", "format": "date", "examples": ["2026-01-01"]},
                "code": {"type": "string", "pattern": "^[A-Z]+$", "minLength": 2},
                "mails": {"type": "array", "items": {"type": "string", "format": "email"}, "maxItems": 1},
                "half": {"type": "number", "multipleOf": 0.5, "exclusiveMinimum": 0},
            }
        }
    )
    assert [field.hint for field in form.children] == [
        "date, as 2026-03-14",
        "at least 2 characters, must match ^[A-Z]+$",
        "one per line, at most 1 item, each mail address",
        "number, more than 0, a multiple of 0.5",
    ]
    assert form.children[0].example == "e.g. 2026-01-01"


@BOUNDED
@given(schema=forms | schemas, defaults=st.none() | st.dictionaries(NAMES, JSON, max_size=3))
def test_any_schema_has_a_form_that_can_be_read_and_kept(
    schema: Any, defaults: dict[str, Any] | None
) -> None:
    form = form_of(schema, defaults)
    draft = json.loads(json.dumps(initial_typed(form)))
    values, errors = read(form, draft)
    assert fitting(form, draft) == draft
    assert isinstance(values, dict)
    assert all(error.message for error in errors)
    if not check_schema(schema):
        check_values(schema, values)


@BOUNDED
@given(schema=forms, data=st.data())
def test_what_is_typed_for_a_value_reads_as_that_value(schema: dict[str, Any], data: st.DataObject) -> None:
    """Values that the schema accepts, typed as defaults are, come back valid; null is typed as nothing."""
    schema = without_contradictions(schema)
    value = data.draw(st.dictionaries(NAMES, JSON, max_size=3))
    if check_schema(schema) or check_values(schema, value) or holds_null(value):
        return
    values, errors = read(form := form_of(schema, value), initial_typed(form))
    assert errors == ()
    assert check_values(schema, values) == ()
