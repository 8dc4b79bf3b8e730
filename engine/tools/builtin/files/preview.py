"""What files.write would do: the lines it changes in the file as it is."""

from __future__ import annotations

import difflib
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.contracts.runs.preview import Preview
from engine.contracts.status import StepErrorCode
from engine.line_diff import common_ends, compared
from engine.tools.builtin.files.paths import decoded, opened_regular_file, refuse_link
from engine.tools.failure import ToolFailure, invalid_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.threads import StopFlag
    from engine.tools.builtin.files.paths import PathScope, ScopedPath

_CHUNK = 1 << 20
MAX_BASE_BYTES = 16 * 1024 * 1024
"""A longer file is known by its digest alone."""


class _Base(NamedTuple):
    """A file that is there: its digest, bytes, and content where that is not too long."""

    digest: str
    size: int
    content: bytes | None


def write_preview(scope: PathScope, params: dict[str, Any], stop: StopFlag) -> Preview:
    """A unified diff against the file as it is, with that file's digest. Raises ToolFailure."""
    shown = params["path"]
    target = scope.resolve(params["root"], shown)
    scope.require_writable(shown)
    refuse_link(target)
    base = _base(target, stop)
    new = params["text"]
    name = str(target.real)
    lines = _lines(len(_split(new)))
    if base is None:
        return Preview(
            kind="diff",
            summary=f"makes {name}: {lines}",
            text=unified("", new, name, made=True),
        )
    if params.get("overwrite", True) is False:
        raise invalid_input(f"{shown!r} exists and overwrite is false")
    old = _text(base, shown)
    if old is None:
        what = "no text" if base.content is not None else "too long to compare"
        summary = f"replaces {name}, which is {what} ({base.size:,} bytes), by {lines}"
        text = unified("", new, name, made=False)
        return Preview(kind="diff", summary=summary, text=text, base=base.digest)
    text = unified(old, new, name, made=False)
    changed = text.split("\n")
    added = sum(line.startswith("+") for line in changed) - 1
    removed = sum(line.startswith("-") for line in changed) - 1
    summary = f"changes {name}: {added} lines come, {removed} go" if text else f"leaves {name} as it is"
    return Preview(kind="diff", summary=summary, text=text, base=base.digest)


def require_base(target: ScopedPath, base: str | None, stop: StopFlag) -> None:
    """The file is still the one with this digest; None asks nothing. Raises ToolFailure, StopRequested."""
    if base is not None:
        found = _base(target, stop)
        if found is None or found.digest != base:
            raise void(target.relative)
    stop.check()


def void(shown: str) -> ToolFailure:
    """The file is not the one that the approval showed."""
    message = f"{shown!r} has changed since its approval was asked for; nothing is written"
    return ToolFailure(StepErrorCode.APPROVAL_VOID, message, recoverable=False)


def _base(target: ScopedPath, stop: StopFlag) -> _Base | None:
    digest, size, content = hashlib.sha256(), 0, bytearray()
    try:
        with opened_regular_file(target) as file:
            while chunk := file.read(_CHUNK):
                stop.check()
                digest.update(chunk)
                size += len(chunk)
                if size <= MAX_BASE_BYTES:
                    content += chunk
    except ToolFailure as failure:
        if failure.details.get("reason") == "missing":
            return None
        raise
    return _Base(digest.hexdigest(), size, bytes(content) if size <= MAX_BASE_BYTES else None)


def _text(base: _Base, shown: str) -> str | None:
    """What it says; None where it is no text, or too long."""
    try:
        return None if base.content is None else decoded(base.content, shown)
    except ToolFailure:
        return None


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"


def unified(old: str, new: str, name: str, *, made: bool) -> str:
    """The lines that change, as diff writes them; empty when none do."""
    before, after = _split(old), _split(new)
    source = "/dev/null" if made else name
    if compared(before, after) is not None:
        return "\n".join(difflib.unified_diff(before, after, source, name, lineterm=""))
    return "\n".join(_outer_diff(before, after, source, name))


def _outer_diff(old: Sequence[str], new: Sequence[str], source: str, name: str) -> list[str]:
    """One hunk from the first change to the last: comparing more line by line would take too long."""
    head, tail = common_ends(old, new)
    gone, come = old[head : len(old) - tail], new[head : len(new) - tail]
    if not gone and not come:
        return []
    hunk = f"@@ -{head + 1},{len(gone)} +{head + 1},{len(come)} @@"
    return [
        f"--- {source}",
        f"+++ {name}",
        hunk,
        *(f"-{line}" for line in gone),
        *(f"+{line}" for line in come),
    ]


def _split(text: str) -> list[str]:
    """Lines as a reader counts them; a missing line end at the last one shows as git shows it."""
    if not text:
        return []
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += "\n\\ No newline at end of file"
        return lines
    return lines[:-1]
