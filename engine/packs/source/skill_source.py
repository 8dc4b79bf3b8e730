"""Reading a skill file: YAML front matter between two `---` lines, then Markdown."""

from __future__ import annotations

from dataclasses import replace

from engine.contracts.packs.pack import Problem
from engine.packs.source.yaml_source import SourceDocument, parse_document

FENCE = "---"


def parse_skill(text: str, file: str) -> SourceDocument | Problem:
    """The front matter's fields and `body`, with their places, or what is wrong."""
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        message = "a skill begins with its front matter between two lines of `---`"
        return Problem(
            file=file, line=1, column=1, message=message, found=_shown(lines[0]), expected=f"`{FENCE}`"
        )
    end = next((index for index, line in enumerate(lines) if index and line.rstrip() == FENCE), None)
    if end is None:
        message = "the front matter does not end: a second line of `---` is missing"
        return Problem(file=file, line=1, column=1, message=message, expected=f"`{FENCE}`")
    # an empty line stands for the first fence, so that lines keep their numbers
    document = parse_document("\n".join(["", *lines[1:end]]), file)
    if isinstance(document, Problem):
        return document
    front = {} if document.value is None else document.value
    if not isinstance(front, dict):
        return Problem(file=file, line=2, column=1, message="the front matter is not a mapping")
    if "body" in front:
        line, column = document.position(("body",))
        message = "`body` is the text behind the front matter: remove the field"
        return Problem(file=file, line=line, column=column, field="body", message=message)
    body = "\n".join(lines[end + 1 :]).strip()
    positions = {**document.positions, ("body",): (min(end + 2, len(lines)), 1)}
    return replace(document, value={**front, "body": body}, positions=positions)


def _shown(line: str) -> str:
    return f"the line {line[:60]!r}" if line else "an empty line"
