from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contracts.packs.pack import Problem
from engine.packs.source.source_text import MAX_BYTES, decode_text
from engine.packs.source.yaml_events import MAX_ALIASES, MAX_DEPTH
from engine.packs.source.yaml_source import SourceDocument, parse_document


def read(text: str, file: str = "f.yaml") -> SourceDocument:
    document = parse_document(text, file)
    assert isinstance(document, SourceDocument), document
    return document


def problem(text: str, file: str = "f.yaml") -> Problem:
    found = parse_document(text, file)
    assert isinstance(found, Problem)
    assert found.file == file
    assert found.line is not None
    assert found.column is not None
    return found


def decoding_problem(raw: bytes) -> Problem:
    found = decode_text(raw, "f.yaml")
    assert isinstance(found, Problem)
    return found


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("True", "True"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("Null", "Null"),
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
        ("12:30", "12:30"),
        ("1:30:00", "1:30:00"),
        ("0x1f", "0x1f"),
        ("017", "017"),
        ("1_000", "1_000"),
        ("+1", "+1"),
        (".5", ".5"),
        (".inf", ".inf"),
        ("NaN", "NaN"),
        ("42", 42),
        ("-7", -7),
        ("1.10", 1.1),
        ("1e3", 1000.0),
        ('"1.10"', "1.10"),
        ("'true'", "true"),
        ('""', ""),
        ("=", "="),
    ],
)
def test_plain_scalars_follow_json(written: str, value: object) -> None:
    found = read(f"key: {written}\n").value["key"]
    assert found == value
    assert type(found) is type(value)


def test_a_decimal_number_remembers_how_it_was_written() -> None:
    assert read("version: 1.10\n").written == {("version",): "1.10"}


def test_keys_stay_text() -> None:
    assert read("1: a\ntrue: b\nno: c\n").value == {"1": "a", "true": "b", "no": "c"}


def test_positions_name_the_key_or_item_and_fall_back_to_the_nearest_parent() -> None:
    document = read("a:\n  - b: 1\n    c: 2\n  - d\n")
    assert document.position(("a",)) == (1, 1)
    assert document.position(("a", 0)) == (2, 5)
    assert document.position(("a", 0, "c")) == (3, 5)
    assert document.position(("a", 1)) == (4, 5)
    assert document.position(("a", 0, "missing", "deeper")) == (2, 5)
    assert document.position(("nothing",)) == (1, 1)


def test_an_empty_file_is_nothing() -> None:
    assert read("").value is None
    assert read("# only a comment\n").value is None


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: [1, 2\n", 2, 1, "not valid YAML"),
        ("a: 1\nb: c: d\n", 2, 5, "mapping values are not allowed"),
        ("a:\n\t- b\n", 2, 1, "spaces, not tabs"),
        ('a: "open\n', 2, 1, "end of stream"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "twice (first on line 1)"),
        ("a:\n  b: 1\n  b: 2\n", 3, 3, "the key `b` is here twice"),
        ("a: 1\n--- \nb: 2\n", 2, 1, "one document"),
        ("a: *nowhere\n", 1, 4, "no anchor before it"),
        ("a: &x [*x]\n", 1, 8, "inside its own anchor"),
        ("a: &x 1\nb: &x 2\n", 2, 4, "defined twice"),
        ("<<: {a: 1}\n", 1, 1, "merge keys"),
        ("? [a]\n: b\n", 1, 3, "a key must be text"),
        ("?\n: b\n", 1, 2, "a key must be text"),
        ('a: "\\e[31m"\n', 1, 4, "U+001B"),
        ('a: "\\0"\n', 1, 4, "U+0000"),
        ("a: 1e999\n", 1, 4, "too large"),
        ("a: " + "9" * 500 + "\n", 1, 4, "too long"),
    ],
)
def test_faults_name_line_and_column(text: str, line: int, column: int, words: str) -> None:
    found = problem(text)
    assert (found.line, found.column) == (line, column)
    assert words in found.message


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [id]\n",
        "a: !!str 5\n",
        "!local\na: 1\n",
        "a: !<tag:x,2000:y> {}\n",
    ],
)
def test_tags_are_refused(text: str) -> None:
    assert "tags are not allowed" in problem(text).message


def test_aliases_give_the_anchored_value() -> None:
    assert read("a: &x [1, 2]\nb: *x\n").value == {"a": [1, 2], "b": [1, 2]}


def test_a_billion_laughs_is_refused_before_anything_is_built() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "too many values (aliases expanded)" in problem("\n".join(lines)).message


def test_aliases_are_counted() -> None:
    many = ", ".join(["*x"] * (MAX_ALIASES + 1))
    assert "too many aliases" in problem(f"a: &x 1\nb: [{many}]\n").message


def test_aliases_cannot_hide_depth() -> None:
    half = MAX_DEPTH // 2 + 1
    text = f"a: &x {'[' * half}{']' * half}\nb: {'[' * half}*x{']' * half}\n"
    assert "nested too deeply" in problem(text).message


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused(opening: str) -> None:
    assert "nested too deeply" in problem(opening * 100_000).message


def test_nesting_up_to_the_limit_is_read() -> None:
    depth = MAX_DEPTH - 1
    read("[" * depth + "1" + "]" * depth)


def test_too_many_values_are_refused() -> None:
    assert "too many values" in problem("[" + "1," * 120_000 + "]").message


def test_json_is_read_with_its_escapes_and_tabs() -> None:
    text = json.dumps({"face": "😀", "path": "a/b", "back": "\\ud83d\\ude00"}, indent="\t")
    text = text.replace("/", "\\/")
    value = read(text, "f.json").value
    assert value == {"face": "😀", "path": "a/b", "back": "\\ud83d\\ude00"}


def test_broken_json_names_its_place() -> None:
    assert problem('{"a": 1,\n "b": 2 "c": 3}', "f.json").line == 2


TEXTS = st.text("abc :#-'\"\\é😀{}[],&*!|>%@`\n\t", max_size=12)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@settings(database=None)
@given(JSON_VALUES)
def test_every_json_value_is_read_back_as_it_was(value: object) -> None:
    assert read(json.dumps(value), "f.json").value == value


@settings(database=None)
@given(st.text(max_size=200))
def test_any_text_gives_a_document_or_a_problem_with_a_line(text: str) -> None:
    found = parse_document(text, "f.yaml")
    assert isinstance(found, SourceDocument) or found.line is not None


def test_a_byte_order_mark_is_dropped_and_newlines_become_one_kind() -> None:
    assert decode_text(b"\xef\xbb\xbfa: 1\r\nb: 2\rc: 3\n", "f.yaml") == "a: 1\nb: 2\nc: 3\n"


@pytest.mark.parametrize(
    ("raw", "line", "column", "found"),
    [
        (b"a: 1\nb: caf\xe9\n", 2, 7, "byte 0xe9"),
        (b"\xef\xbb\xbfa: 1\nb: caf\xe9\n", 2, 7, "byte 0xe9"),
        (b"\xff\xfea\x00", 1, 1, "byte 0xff"),
        (b"a: 1\nb: x\x00y\n", 2, 5, "U+0000"),
        (b"a: \x1b[31mred\n", 1, 4, "U+001B"),
        ("a: 1\r\nb: \x85\n".encode(), 2, 4, "U+0085"),
    ],
)
def test_bytes_that_are_no_plain_text_name_their_place(
    raw: bytes, line: int, column: int, found: str
) -> None:
    fault = decoding_problem(raw)
    assert (fault.line, fault.column, fault.found) == (line, column, found)


def test_a_large_file_is_refused() -> None:
    assert "too large" in decoding_problem(b"x" * (MAX_BYTES + 1)).message
