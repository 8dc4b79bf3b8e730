"""text.report: a title with either a body or sections, as plain text or Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import Effects
from engine.contracts.tool import ToolSpec
from engine.tools.failure import invalid_input
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.tools.context import ToolContext

_CELL = {"type": ["string", "number", "integer", "boolean", "null"]}
_TABLE = {
    "type": "object",
    "properties": {
        "columns": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "rows": {"type": "array", "items": {"type": "array", "items": _CELL}},
    },
    "required": ["columns", "rows"],
    "additionalProperties": False,
}
_SECTION = {
    "type": "object",
    "properties": {
        "heading": {"type": "string"},
        "text": {"type": "string"},
        "items": {"type": "array", "items": _CELL},
        "table": _TABLE,
    },
    "required": ["heading"],
    "additionalProperties": False,
}

REPORT = ToolSpec(
    name="text.report",
    effects=Effects.NONE,
    description="Put a title and a body, or sections of text, lists and tables, into one document.",
    output={
        "text": "the document",
    },
    parameters={
        "type": "object",
        "properties": {
            "title": {"type": "string", "minLength": 1},
            "body": {"type": "string"},
            "sections": {"type": "array", "items": _SECTION},
            "format": {"enum": ["text", "markdown"]},
        },
        "required": ["title"],
        "additionalProperties": False,
    },
)


def report_tools() -> Iterator[RegisteredTool]:
    """The report tool."""
    yield RegisteredTool(REPORT, report)


async def report(params: dict[str, Any], context: ToolContext) -> dict[str, str]:
    """`{"text"}` of a document. Raises ToolFailure(invalid_input) unless it has one of body, sections."""
    if ("body" in params) == ("sections" in params):
        raise invalid_input("text.report takes exactly one of `body` and `sections`")
    markdown = params.get("format", "markdown") == "markdown"
    blocks = [_heading(params["title"], 1, markdown=markdown)]
    if "body" in params:
        blocks.append(params["body"].strip("\n"))
    for number, section in enumerate(params.get("sections", []), start=1):
        blocks.append(_heading(section["heading"], 2, markdown=markdown))
        blocks.append(_content(section, number, markdown=markdown))
    return {"text": "\n\n".join(block for block in blocks if block) + "\n"}


def _heading(text: str, level: int, *, markdown: bool) -> str:
    line = " ".join(text.split())
    if markdown:
        return f"{'#' * level} {line}"
    return f"{line}\n{('=' if level == 1 else '-') * len(line)}"


def _content(section: dict[str, Any], number: int, *, markdown: bool) -> str:
    kinds = [kind for kind in ("text", "items", "table") if kind in section]
    if len(kinds) != 1:
        raise invalid_input(
            f"section {number} ({section['heading']!r}) takes exactly one of `text`, `items` and `table`"
        )
    if kinds == ["text"]:
        return str(section["text"]).strip("\n")
    if kinds == ["items"]:
        return "\n".join(f"- {_cell(item)}" for item in section["items"])
    return _table(section["table"], number, markdown=markdown)


def _table(table: dict[str, Any], number: int, *, markdown: bool) -> str:
    columns = [_cell(column) for column in table["columns"]]
    rows = [[_cell(cell) for cell in row] for row in table["rows"]]
    for index, row in enumerate(rows, start=1):
        if len(row) != len(columns):
            raise invalid_input(
                f"table of section {number}, row {index}: {len(row)} cells for {len(columns)} columns"
            )
    if markdown:
        lines = [columns, ["---"] * len(columns), *rows]
        return "\n".join(
            "| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines
        )
    widths = [max(len(line[index]) for line in [columns, *rows]) for index in range(len(columns))]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())
