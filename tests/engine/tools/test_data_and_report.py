from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import StepErrorCode
from engine.threads import StopFlag
from engine.tools.builtin.yaml_data import parse_yaml
from engine.tools.failure import ToolFailure

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.tool import ToolResult
    from tests.engine.tools.conftest import Call


async def read(call: Call, root: Path, name: str, content: str | bytes, **more: Any) -> ToolResult:
    raw = content.encode() if isinstance(content, str) else content
    (root / name).write_bytes(raw)
    return await call("data.read", {"root": str(root), "path": name, **more})


@pytest.mark.parametrize(
    ("name", "content", "data", "format_name"),
    [
        ("a.json", '{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}, "json"),
        ("a.jsonl", '{"a": 1}\n\n[2]\n', [{"a": 1}, [2]], "jsonl"),
        (
            "a.csv",
            '\ufeffname,n\r\nx,1\r\n"two\nlines",2\r\n',
            [{"name": "x", "n": "1"}, {"name": "two\nlines", "n": "2"}],
            "csv",
        ),
        ("a.yml", "on: 2024-01-31\nlist: [1, x]\n", {"on": "2024-01-31", "list": [1, "x"]}, "yaml"),
        ("a.csv", "", [], "csv"),
        ("a.yaml", "", None, "yaml"),
        (
            "a.toml",
            "[tool]\nat = 2030-01-02T03:04:05Z\nday = [2030-01-02]\n",
            {"tool": {"at": "2030-01-02T03:04:05+00:00", "day": ["2030-01-02"]}},
            "toml",
        ),
    ],
)
async def test_formats_follow_the_suffix(
    call: Call, root: Path, name: str, content: str, data: Any, format_name: str
) -> None:
    result = await read(call, root, name, content)
    assert result.data == {"data": data, "format": format_name}


async def test_a_cell_of_a_table_may_be_long(call: Call, root: Path) -> None:
    result = await read(call, root, "a.csv", f"page\n{'x' * 200_000}\n")
    assert result.data["data"] == [{"page": "x" * 200_000}]


async def test_a_format_given_wins_over_the_suffix(call: Call, root: Path) -> None:
    assert (await read(call, root, "a.txt", "[1]", format="json")).data["data"] == [1]
    assert not (await read(call, root, "a.txt", "[1]")).ok


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.json", '{"a":\n 1,}', 2),
        ("a.json", "[NaN]", 1),
        ("a.json", "[" * 100_000, 1),
        ("a.jsonl", '{"a": 1}\n{"a": \n', 2),
        ("a.csv", "a,b\n1,2\n1,2,3\n", 3),
        ("a.csv", "a,a\n1,2\n", 1),
        ("a.csv", 'a\n"open', 2),
        ("a.yaml", "a: 1\nb: [1\n", 3),
        ("a.toml", "a = 1\nb = \n", 2),
    ],
)
async def test_broken_data_names_file_and_line(
    call: Call, root: Path, name: str, content: str, line: int
) -> None:
    result = await read(call, root, name, content)
    assert result.error is not None
    assert result.error.code == StepErrorCode.INVALID_INPUT
    assert result.error.details["line"] == line
    assert result.error.message.startswith(f"{name}:{line}: ")


async def test_binary_and_large_data_are_refused(call: Call, root: Path) -> None:
    assert not (await read(call, root, "a.json", b"\xff\x00")).ok
    assert not (await read(call, root, "a.json", '"' + "x" * 10_000_000 + '"')).ok


def test_yaml_scalars_have_the_types_json_has() -> None:
    text = (
        "[yes, 012, 12:30, .nan, 1e999, 2024-01-01T00:00:00Z, '5', "
        "!!str 5, 5, -1.5, 1e2, true, ~, null, 0x10]"
    )
    assert parse_yaml(text, "f", StopFlag()) == [
        "yes",
        "012",
        "12:30",
        ".nan",
        "1e999",
        "2024-01-01T00:00:00Z",
        "5",
        "5",
        5,
        -1.5,
        100.0,
        True,
        None,
        None,
        "0x10",
    ]


def test_yaml_aliases_and_merges_work() -> None:
    text = "base: &b {k: 1, z: 2}\none:\n  <<: *b\n  k: own\ntwo: [*b]\n"
    parsed = parse_yaml(text, "f", StopFlag())
    assert parsed["one"] == {"k": "own", "z": 2}
    assert parsed["two"] == [{"k": 1, "z": 2}]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: !!python/object/apply:os.system [id]", 1),
        ("a: !!timestamp 2024-01-01", 1),
        ("a: !!int true", 1),
        ("a: 1\na: 2", 2),
        ("1: x", 1),
        ("? [a]\n: 1", 1),
        ("a: &x [*x]", 1),
        ("a: *missing", 1),
        ("--- 1\n--- 2", 2),
        ("[" * 100_000, 1),
        (
            "l0: &l0 [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"l{i}: &l{i} [{','.join([f'*l{i - 1}'] * 10)}]\n" for i in range(1, 9)),
            7,
        ),
    ],
)
def test_yaml_that_is_no_plain_data_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ToolFailure) as refused:
        parse_yaml(text, "f.yaml", StopFlag())
    assert refused.value.code == StepErrorCode.INVALID_INPUT
    assert refused.value.details["line"] == line


@pytest.mark.parametrize("anchored", ["text: &t {}", "? &t {}\n: 1", "part: &t [{}]"])
def test_aliases_of_a_long_yaml_text_count_as_much_as_it_says(anchored: str) -> None:
    text = anchored.format("x" * 100_000) + "\nmany:\n"
    assert len(parse_yaml(text + "- *t\n" * 300, "f.yaml", StopFlag())["many"]) == 300
    with pytest.raises(ToolFailure, match="with its aliases written out it holds more than"):
        parse_yaml(text + "- *t\n" * 350, "f.yaml", StopFlag())


async def test_a_report_with_a_body(call: Call) -> None:
    result = await call("text.report", {"title": "Notes", "body": "text\n"})
    assert result.data == {"text": "# Notes\n\ntext\n"}


async def test_a_report_with_sections_in_both_formats(call: Call) -> None:
    sections = [
        {"heading": "Words", "text": "some"},
        {"heading": "List", "items": ["a", 1, True]},
        {"heading": "Table", "table": {"columns": ["path", "n"], "rows": [["a|b", 1], ["c", None]]}},
    ]
    markdown = await call("text.report", {"title": "T", "sections": sections})
    text = await call("text.report", {"title": "T", "sections": sections, "format": "text"})
    assert markdown.data["text"] == (
        "# T\n\n## Words\n\nsome\n\n## List\n\n- a\n- 1\n- yes\n\n"
        "## Table\n\n| path | n |\n| --- | --- |\n| a\\|b | 1 |\n| c |  |\n"
    )
    assert text.data["text"] == (
        "T\n=\n\nWords\n-----\n\nsome\n\nList\n----\n\n- a\n- 1\n- yes\n\n"
        "Table\n-----\n\npath  n\n----  -\na|b   1\nc\n"
    )


@pytest.mark.parametrize(
    "params",
    [
        {"title": "T"},
        {"title": "T", "body": "b", "sections": []},
        {"title": "T", "sections": [{"heading": "H"}]},
        {"title": "T", "sections": [{"heading": "H", "text": "t", "items": []}]},
        {"title": "T", "sections": [{"heading": "H", "table": {"columns": ["a"], "rows": [[1, 2]]}}]},
        {"title": "", "body": "b"},
        {"title": "T", "body": "b", "format": "html"},
    ],
)
async def test_a_report_that_is_not_one_thing_is_invalid(call: Call, params: dict[str, Any]) -> None:
    result = await call("text.report", params)
    assert result.error is not None
    assert result.error.code == StepErrorCode.INVALID_INPUT
