"""Schemas, values, and what is right: the drafts and the standards they name decide, not Python."""

from __future__ import annotations

import functools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.json_schema.acceptance import accepts
from engine.json_schema.check import check_schema, faults

ALIKE = [[1, 1.0], [[1], [1.0]], [{"a": 1}, {"a": 1.0}], ["x", "x"], [None, None]]
APART = [[1, True], [0, False], ["1", 1], [[], {}], [{"a": 1}, {"b": 1}], [[1, 2], [2, 1]], [None, False]]

VERDICTS: dict[str, tuple[dict[str, Any], list[Any], list[Any]]] = {
    "cents": ({"multipleOf": 0.01}, [4.02, 19.99, 1.1, 0.07, -3.33, 1e15, 3, 0], [0.015, 19.999, 1e-9]),
    "tenths": ({"multipleOf": 0.1}, [0.3, 0.7, 1.1, -2.9], [0.35, 0.01]),
    "whole steps": ({"multipleOf": 3}, [9, 9.0, 0, -3, 10**40 * 3], [1, 9.5, 10**40]),
    "tiny steps": ({"multipleOf": 1e-300}, [1e308, 1.5e-299], [1.5e-300]),
    "no number": ({"multipleOf": 0.01}, ["x", None, True, [], {}], []),
    "whole numbers": ({"type": "integer"}, [1, 1.0, -0.0, 10**30], [1.5, "1", True, None]),
    "numbers": ({"type": "number"}, [1, 1.5], [True, "1", None]),
    "bounds": ({"minimum": 0.1, "exclusiveMaximum": 0.3}, [0.1, 0.2, 0.29], [0.0999, 0.3, 1]),
    "end of text": (
        {"pattern": "^[a-z]+$"},
        ["abc", "a"],
        ["abc\n", "\nabc", "abc\nabc", "", "ABC"],
    ),
    "a dollar in a class": ({"pattern": "^[$]$"}, ["$"], ["$\n", "x"]),
    "an escaped dollar": ({"pattern": r"^\$$"}, ["$"], ["$\n", "", "$$"]),
    "a class of not": ({"pattern": r"^[^$\]]$"}, ["a", "^"], ["$", "]", "a\n"]),
    "found anywhere": ({"pattern": "b"}, ["abc", "b\n"], ["ac"]),
    "digits": ({"pattern": r"^\d{2}$"}, ["12"], ["١٢", "12\n", "1"]),
    "digits in a class": ({"pattern": r"^[\d.]+$"}, ["1.2"], ["١.٢"]),
    "word characters": ({"pattern": r"^\w+$"}, ["a_1"], ["ä", "a b"]),
    "alternatives to the end": ({"pattern": "^(a|b$)$"}, ["a", "b"], ["b\n", "c"]),
    "names by pattern": (
        {"patternProperties": {"^[a-z]+$": {"type": "integer"}}, "additionalProperties": False},
        [{"a": 1}, {}],
        [{"a\n": 1}, {"A": 1}, {"a": "x"}],
    ),
    "alike": ({"uniqueItems": True}, [], ALIKE),
    "apart": ({"uniqueItems": True}, [*APART, [], [1]], []),
    "not asked to be unique": ({"uniqueItems": False}, [[1, 1]], []),
    "one of": ({"enum": [1, "a", None, [1]]}, [1, 1.0, "a", None, [1.0]], [True, "1", False, [True], []]),
    "constant": ({"const": 0}, [0, 0.0, -0.0], [False, "", None]),
    "length in characters": ({"maxLength": 2}, ["äö", "😀😀", 12345], ["abc", "😀😀😀"]),
    "fields": (
        {"properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False},
        [{"a": "x"}, 7],
        [{}, {"a": 1}, {"a": "x", "b": 1}],
    ),
    "prefix and rest": (
        {"prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
        [["a", 1, 2], [], ["a"]],
        [[1], ["a", "b"]],
    ),
    "nothing may follow": ({"prefixItems": [True], "items": False}, [[1], []], [[1, 2]]),
    "date": (
        {"format": "date"},
        ["2024-02-29", "0000-02-29", "9999-12-31", 20240229],
        ["2023-02-29", "2024-W09-4", "20240229", "2024-2-9", "2024-02-30", "2024-02-29\n", "٢٠٢٤-02-29", ""],
    ),
    "time": (
        {"format": "time"},
        ["10:00:00Z", "10:00:00z", "23:59:60Z", "10:00:00.123456789+02:00", "01:29:60+01:30"],
        ["10:00:00", "10:00Z", "24:00:00Z", "22:59:60Z", "10:00:61Z", "10:00:00+24:00", "10:00:00,5Z"],
    ),
    "date-time": (
        {"format": "date-time"},
        ["2024-02-29T10:00:00Z", "2024-02-29t10:00:00.5-08:00", "1998-12-31T23:59:60Z"],
        ["2024-02-29T10:00:00", "2024-02-29 10:00:00Z", "20240229T100000Z", "2024-02-30T10:00:00Z", "now"],
    ),
    "duration": (
        {"format": "duration"},
        ["P1D", "PT1H30M", "P4W", "P1Y2M3DT4H5M6S"],
        ["P", "PT", "1D", "P1H", "P1DT", "P1W2D", "P-1D"],
    ),
    "uuid": (
        {"format": "uuid"},
        ["2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2EB8AA08-AA98-11EA-B4AA-73B441D16380"],
        [
            "urn:uuid:2eb8aa08-aa98-11ea-b4aa-73b441d16380",
            "2eb8aa08aa9811eab4aa73b441d16380",
            "{2eb8aa08-aa98-11ea-b4aa-73b441d16380}",
            "2eb8aa08-aa98-11ea-b4aa-73b441d1638",
        ],
    ),
    "ipv4": ({"format": "ipv4"}, ["10.0.0.1"], ["10.0.0.256", "010.0.0.1", "10.1", "1", "10.0.0.1/8"]),
    "ipv6": ({"format": "ipv6"}, ["::1", "::ffff:10.0.0.1"], ["fe80::1%eth0", ":::", "::1/64", "10.0.0.1"]),
    "hostname": (
        {"format": "hostname"},
        ["example.org", "a", "xn--bcher-kva.example"],
        ["-a.org", "a-.org", "a..b", "a_b", "a." + "b" * 64, "", "example.org\n"],
    ),
    "email": (
        {"format": "email"},
        ["ana@example.org", "a.b+c@localhost", '"a b"@example.org', "a@[10.0.0.1]", "a@[IPv6:::1]"],
        ["a@", "@b", "a b@c", "a@b@c", ".a@b.org", "a..b@c.org", "a@-b.org", "a@[300.0.0.1]", "a@b.org\n"],
    ),
    "uri": (
        {"format": "uri"},
        ["https://example.org/x?q=1#f", "mailto:a@b.org", "http://[::1]:80/", "urn:isbn:1", "file:///etc"],
        ["no", "//example.org", "http:// x", "http://a b/", "http://[:::]/", "x:%zz", "http://", "a\\b:c"],
    ),
    "path": ({"format": "path"}, ["a/b", "/"], ["", "a\0b"]),
    "a format nobody checks": ({"format": "color"}, ["anything", ""], []),
    "either": ({"anyOf": [{"type": "string"}, {"multipleOf": 0.01}]}, ["x", 19.99], [0.001]),
    "by reference": (
        {"$defs": {"day": {"format": "date"}}, "items": {"$ref": "#/$defs/day"}},
        [["2024-02-29"]],
        [["2024-W09-4"]],
    ),
}
PAIRS = [
    (name, schema, value, right)
    for name, (schema, good, bad) in VERDICTS.items()
    for right, values in ((True, good), (False, bad))
    for value in values
]


@pytest.mark.parametrize(("name", "schema", "value", "right"), PAIRS)
def test_the_verdict_is_right(name: str, schema: dict[str, Any], value: Any, right: bool) -> None:
    assert check_schema(schema) == []
    assert (faults(schema, value) == ()) is right
    if "$defs" not in schema:
        assert (faults({"type": "array", "items": schema}, [value]) == ()) is right, "as an item"


@pytest.mark.parametrize(("name", "schema", "value", "right"), PAIRS)
def test_the_quick_yes_is_never_said_to_a_fault(
    name: str, schema: dict[str, Any], value: Any, right: bool
) -> None:
    good = accepts(schema)
    assert good is None or right or not good(value)


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 0.01, "", "a", "a\n"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


@given(st.sampled_from([schema for schema, _, _ in VERDICTS.values()]), VALUES)
def test_quick_and_thorough_agree(schema: dict[str, Any], value: Any) -> None:
    good = accepts(schema)
    if good is not None and good(value):
        assert accepts({"allOf": [schema]}) is None
        assert faults({"allOf": [schema]}, value) == (), "asked thoroughly"


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": []},
        {"properties": {"b": {"type": "string", "enum": []}}},
        {"items": {"enum": []}},
    ],
)
def test_an_empty_enum_is_a_problem_of_the_schema(schema: dict[str, Any]) -> None:
    (problem,) = check_schema(schema)
    assert "enum: must have at least one value" in problem
    (fault,) = faults(schema, {"b": "main"})
    assert "cannot be used" in fault.message


def test_a_field_named_enum_is_no_keyword() -> None:
    assert check_schema({"properties": {"enum": {"default": []}}, "default": {"enum": []}}) == []


LARGE = [
    ({"type": "array", "items": {"type": "integer", "minimum": 0}}, list(range(200_000))),
    (
        {
            "items": {
                "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
                "required": ["a"],
                "additionalProperties": False,
            }
        },
        [{"a": number, "b": "x"} for number in range(50_000)],
    ),
    ({"uniqueItems": True}, list(range(200_000))),
    ({"additionalProperties": {"type": "integer"}}, {f"k{number}": number for number in range(100_000)}),
]


@pytest.mark.parametrize(("schema", "value"), LARGE, ids=["numbers", "objects", "unique", "fields"])
def test_a_large_good_value_does_not_hold_up_the_loop(schema: dict[str, Any], value: Any) -> None:
    """The validator alone takes 1.5 to 3 s of processor time for each; a tenth of it is usual."""
    begun = time.process_time()
    assert faults(schema, value) == ()
    assert time.process_time() - begun < 1.2


def test_one_fault_in_a_large_value_is_found_at_its_place() -> None:
    value = [*range(50_000), "x", *range(50_000)]
    (fault,) = faults({"type": "array", "items": {"type": "integer"}}, value)
    assert (fault.field, fault.message) == ("50000", "must be a whole number")


NESTED: dict[str, Any] = functools.reduce(lambda inner, _: {"a": inner}, range(60), dict[str, Any]())

DOUBLED: dict[str, tuple[dict[str, Any], Any]] = {
    "by parts that double": (
        {
            "$ref": "#/$defs/d0",
            "$defs": {
                **{f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)},
                "d60": {"type": "string"},
            },
        },
        "x",
    ),
    "by itself, in what is nested": (
        {"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}},
        NESTED,
    ),
}


@pytest.mark.parametrize("how", DOUBLED)
def test_references_that_double_the_work_are_not_followed_for_ever(how: str) -> None:
    schema, value = DOUBLED[how]
    assert check_schema(schema) == []
    (fault,) = faults(schema, value)
    assert fault.message == "the schema cannot be used: it follows its references too often"


def test_a_schema_may_refer_to_itself_for_all_of_a_large_value() -> None:
    tree = {"items": {"anyOf": [{"type": "string"}, {"$ref": "#"}, {"$ref": "#"}]}, "type": "array"}
    assert faults(tree, ["x", ["y", []]] * 2_000) == ()
    assert faults(tree, ["x", ["y", [1]]]) != ()
