"""Whatever pattern a pack or a server writes, no text that is matched against it holds the engine up."""

from __future__ import annotations

import pytest

from engine.json_schema.check import check_schema, faults
from engine.json_schema.pattern_cost import most_characters
from engine.safe_pattern import MAX_MATCHED

SEMVER = (
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$"
)
HOSTNAME = (
    r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$"
)


@pytest.mark.parametrize(
    "pattern",
    [
        r".*.*.*.*.*\x00",
        r"^a*a*a*a*a*b",
        r"a{0,999}a{0,999}a{0,999}a{0,99}b",
        "^" + "a?" * 40 + "b",
        "(ab)?" * 60 + "c",
        "(?:x?){8}" * 8 + "y",
        "^" + "(a|ab)(b|)" * 12 + "x",
        r"^(-a*a*)*$",
        r"^(?:a(?:-{0,3})?)*!",
        r"(?:-(?:a*)?a)+c",
        r"^(-(?:a(b)|ab))*$",
        r"(,(a|ab)(c|bc))*!",
        r"\d+\w+\S+.+[^!]*!",
    ],
)
def test_a_pattern_that_can_take_a_short_text_in_too_many_ways_is_refused(pattern: str) -> None:
    for schema in ({"pattern": pattern}, {"patternProperties": {pattern: True}}):
        assert "too many ways" in "".join(check_schema(schema))
        assert "cannot be used" in faults(schema, {})[0].message


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        (SEMVER, "1.2.3-rc.1+build.7", "1.2"),
        (HOSTNAME, "a.example.org", "-a"),
        (r"^(?=.*[A-Z])(?=.*\d).{8,64}$", "Abcdefg1", "abcdefgh"),
        (r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", "a@b.org", "a@b"),
        (r"^(.*)\n(.*)\n(.*)$", "a\nb\nc", "a"),
        (r".*foo.*", "a foo", "bar"),
        (r"^(foo|foobar)$", "foobar", "fooba"),
    ],
)
def test_patterns_that_people_write_are_taken(pattern: str, fits: str, fails: str) -> None:
    assert check_schema({"pattern": pattern}) == []
    assert faults({"pattern": pattern}, fits) == ()
    assert len(faults({"pattern": pattern}, fails)) == 1


def test_a_text_that_is_too_long_for_its_pattern_is_told_how_long_it_may_be() -> None:
    most = most_characters("a*a*a*b")
    assert 64 <= most < MAX_MATCHED == most_characters("a+b") < most_characters("[a-z]{3,64}x")
    (fault,) = faults({"pattern": "a*a*a*b"}, "a" * (most + 1))
    assert fault.message == f"must have at most {most} characters to be compared with its pattern"
    assert "must match" in faults({"pattern": "a*a*a*b"}, "a" * most)[0].message


@pytest.mark.parametrize("more", [{}, {"additionalProperties": False}, {"unevaluatedProperties": False}])
def test_a_name_that_is_too_long_for_a_pattern_of_names_is_a_fault(more: dict[str, bool]) -> None:
    named = {"patternProperties": {"a+b": {"type": "string"}}, **more}
    for schema, value in ((named, {"a" * 200_000: 1}), ({"items": named}, [{"a" * 200_000: 1}])):
        (fault,) = faults(schema, value)
        assert "no name of more than 5,000 characters" in fault.message
    assert len(faults(named, {"ab": 1})) == 1
    assert faults(named, {"ab": "1"}) == ()
