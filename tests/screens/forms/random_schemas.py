"""Schemas of every shape a form can be asked for, some of them strange, for the property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "c", "name", "kind", "items", "x.y", ""])
WORDS = st.sampled_from(["", "word", "two words", "tab\tbed", "line\nfeed", "\x1b[31m", "[/]", "é広"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, 1e30]) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def _with(schema: dict[str, Any], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=more).map(lambda added: schema | added)


def _leaves() -> st.SearchStrategy[Any]:
    return st.one_of(
        _with(
            {"type": "string"},
            minLength=st.integers(0, 3),
            maxLength=st.sampled_from([5, 900]),
            format=st.sampled_from(["date", "email", "textarea", "odd"]),
            pattern=st.just("^[a-z]*$"),
            default=WORDS,
            readOnly=st.booleans(),
            title=WORDS,
        ),
        _with({"type": "integer"}, minimum=st.integers(0, 2), default=st.integers(0, 3)),
        _with({"type": "number"}, maximum=st.just(2.5), multipleOf=st.just(0.5), default=st.just(1.5)),
        _with({"type": "boolean"}, default=st.booleans()),
        st.lists(JSON, min_size=1, max_size=4).map(lambda values: {"enum": values}),
        JSON.map(lambda value: {"const": value}),
        st.just({}),
        st.booleans(),
        st.just({"type": "null"}),
        st.just({"type": ["string", "null"]}),
        st.just({"type": ["string", "integer"]}),
        st.sampled_from([{"$ref": "#"}, {"$ref": "#/properties/a"}, {"$ref": "#/nowhere"}]),
    )


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(NAMES, inner, max_size=4)
    objects = st.builds(
        lambda fields, needed, more: {"type": "object", "properties": fields, "required": needed} | more,
        properties,
        st.lists(NAMES, max_size=2, unique=True),
        st.fixed_dictionaries(
            {},
            optional={
                "additionalProperties": st.booleans() | inner,
                "default": st.dictionaries(NAMES, JSON, max_size=2),
                "description": WORDS,
                "minProperties": st.integers(0, 2),
            },
        ),
    )
    branches = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        objects,
        _with({"type": "array"}, items=inner, minItems=st.integers(0, 1), default=st.lists(JSON, max_size=2)),
        branches.map(lambda found: {"oneOf": found}),
        branches.map(lambda found: {"anyOf": [*found, {"type": "null"}]}),
        branches.map(lambda found: {"allOf": found}),
        st.builds(lambda base, found: base | {"oneOf": found}, objects, branches),
    )


schemas = st.recursive(_leaves(), _nested, max_leaves=12)
"""Any schema."""

forms = st.builds(
    lambda fields, more: {"type": "object", "properties": fields} | more,
    st.dictionaries(NAMES, schemas, max_size=4),
    st.fixed_dictionaries({}, optional={"required": st.lists(NAMES, max_size=2, unique=True)}),
)
"""Schemas of an object, as a form has."""
