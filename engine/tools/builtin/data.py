"""data.read: JSON, JSON lines, CSV, YAML and TOML files as JSON values."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from datetime import date, time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn

from engine.contracts.status import Effects
from engine.contracts.tool import ToolSpec
from engine.threads import StopFlag, run_stoppable
from engine.tools.builtin.files.file_tools import PATH, ROOT
from engine.tools.builtin.files.paths import decoded, path_scope, read_asked
from engine.tools.builtin.yaml_data import parse_yaml
from engine.tools.failure import invalid_input
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.tools.context import ToolContext, ToolLimits

READ = ToolSpec(
    name="data.read",
    effects=Effects.NONE,
    description="Read a JSON, JSON lines, CSV, YAML or TOML file.",
    output={
        "data": "the value; of CSV a list of objects by the names in the first row",
        "format": "the format it was read as",
    },
    parameters={
        "type": "object",
        "properties": {
            "root": ROOT,
            "path": PATH,
            "format": {"enum": ["json", "yaml", "csv", "jsonl", "toml"]},
            "max_bytes": {"type": "integer", "minimum": 1},
        },
        "required": ["root", "path"],
        "additionalProperties": False,
    },
)

_LONGEST_CELL = 2**31 - 1
"""None: files are bounded as a whole. It holds for every reader of the process, nobody else has one."""
_SUFFIXES: Mapping[str, str] = {
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".toml": "toml",
}


def data_tools() -> Iterator[RegisteredTool]:
    """The data tool."""

    async def read(params: dict[str, Any], context: ToolContext) -> Any:
        return await run_stoppable(lambda stop: _read(context.limits, params, stop))

    yield RegisteredTool(READ, read)


def _read(limits: ToolLimits, params: dict[str, Any], stop: StopFlag) -> dict[str, Any]:
    path = params["path"]
    format_name = params.get("format") or _SUFFIXES.get(PurePosixPath(path).suffix.lower())
    if format_name is None:
        raise invalid_input(
            f"the suffix of {path!r} names no format; give format: json, yaml, csv, jsonl or toml"
        )
    scoped = path_scope(limits).resolve(params["root"], path)
    content = read_asked(scoped, params.get("max_bytes", 4_000_000), limits)
    text = decoded(content, path).removeprefix("\ufeff")
    parsers: Mapping[str, Callable[[str, str, StopFlag], Any]] = {
        "json": _json,
        "jsonl": _json_lines,
        "csv": _csv,
        "toml": _toml,
        "yaml": parse_yaml,
    }
    return {"data": parsers[format_name](text, path, stop), "format": format_name}


def _json(text: str, path: str, _stop: StopFlag) -> Any:
    return _json_value(text, path, 1)


def _json_lines(text: str, path: str, stop: StopFlag) -> list[Any]:
    values: list[Any] = []
    for number, line in enumerate(text.split("\n"), start=1):
        stop.check()
        if line.strip():
            values.append(_json_value(line, path, number))
    return values


def _json_value(text: str, path: str, first_line: int) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not a JSON number")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise _unreadable(path, line, f"column {error.colno}: {error.msg}", "JSON") from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, first_line, str(error), "JSON") from error


def _toml(text: str, path: str, _stop: StopFlag) -> Any:
    """Dates and times become text, as they are written in RFC 3339."""
    try:
        return _plain(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"at line (\d+)", str(error))
        raise _unreadable(path, int(found[1]) if found else 1, str(error), "TOML") from error


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case date() | time():
            return value.isoformat()
        case _:
            return value


def _csv(text: str, path: str, stop: StopFlag) -> list[dict[str, str]]:
    """One dict a row, by the names in the first row; every row needs exactly their number of cells."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[dict[str, str]] = []
    try:
        names = next(reader, [])
        if len(set(names)) != len(names):
            raise _unreadable(path, 1, "a column name appears twice", "CSV")
        for cells in reader:
            stop.check()
            if not cells:
                continue
            if len(cells) != len(names):
                found = f"{len(cells)} cells where the first row names {len(names)}"
                raise _unreadable(path, reader.line_num, found, "CSV")
            rows.append(dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        raise _unreadable(path, reader.line_num, str(error), "CSV") from error
    return rows


def _unreadable(path: str, line: int, what: str, format_name: str) -> Exception:
    return invalid_input(f"{path}:{line}: not {format_name}: {what}", {"path": path, "line": line})
