"""The log: its lines, and what was written behind a place in it, also when it was rotated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools_levels import COLOR, fields_of, is_error, moment_of, names_service, whole_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAIL_BYTES = 8 * 1024 * 1024


@dataclass(slots=True)
class Line:
    """A line, and what it says of itself."""

    text: str
    moment: datetime | None
    is_error: bool
    is_ours: bool


def read_lines(text: str, service: str, written: datetime) -> Iterator[Line]:
    """The lines of a log last `written` then; what names the service counts as its own."""
    name, moment = whole_name(service), None
    for written_line in text.split("\n"):
        line = COLOR.sub("", written_line).strip()
        if not line:
            continue
        fields = fields_of(line)
        if fields is not None and isinstance(fields.get("log"), str):  # as Docker wraps a container's lines
            line = fields["log"].strip()
            fields = fields_of(line)
        moment = moment_of(line, fields, written) or moment  # a line without a time belongs to the one before
        ours = names_service(line, fields, name)
        yield Line(line, moment, ours and is_error(line, fields), ours)


def log_file(log: str) -> Path:
    """Raises ValueError for what is no file."""
    path = Path(log)
    if not path.is_file():
        raise ValueError(f"{log!r} is not a file")
    return path


def written_since(path: Path, place: dict[str, Any]) -> tuple[str, str]:
    """What was written behind `place`, also when the log was rotated; and that it was, in words."""
    if _is_at(path, place):
        if path.stat().st_size >= place["offset"]:
            return text_from(path, place["offset"]), ""
        return text_from(path, 0), "The log was emptied meanwhile."
    for old in path.parent.iterdir():
        if old.is_file() and _is_at(old, place):
            rest = text_from(old, place["offset"])
            return f"{rest}\n{text_from(path, 0)}", "The log was rotated meanwhile."
    return text_from(path, 0), "The log was rotated meanwhile, and its end before that cannot be read."


def _is_at(path: Path, place: dict[str, Any]) -> bool:
    found = path.stat()
    return (found.st_dev, found.st_ino) == (place["device"], place["inode"])


def text_from(path: Path, begin: int) -> str:
    """Whole lines from `begin` to the end, at most the last 8 MB."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        begin, cut = max(begin, size - _TAIL_BYTES), size - _TAIL_BYTES > begin
        stream.seek(begin)
        text = stream.read(size - begin).decode("utf-8", "replace")
    return text.partition("\n")[2] if cut else text


def when(moment: datetime) -> str:
    """A moment in words, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
