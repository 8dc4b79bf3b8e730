"""What files.write would do: the lines it changes in the file as it is."""

from __future__ import annotations

import difflib
import hashlib
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.preview import Preview
from engine.contracts.status import StepErrorCode
from engine.line_diff import common_ends, compared
from engine.tools.builtin.files.paths import decoded, read_regular_file
from engine.tools.failure import ToolFailure, invalid_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.tools.builtin.files.paths import PathScope, ScopedPath

MAX_BASE_BYTES = 16 * 1024 * 1024


def write_preview(scope: PathScope, params: dict[str, Any]) -> Preview:
    """A unified diff against the file as it is, with that file's digest. Raises ToolFailure."""
    shown = params["path"]
    target = scope.resolve(params["root"], shown)
    scope.require_writable(shown)
    base = _base(target)
    new = params["text"]
    name = str(target.real)
    if base is None:
        return Preview(
            kind="diff",
            summary=f"makes {name}: {_lines(len(new.splitlines()))}",
            text=unified("", new, name, made=True),
        )
    digest = hashlib.sha256(base).hexdigest()
    if params.get("overwrite", True) is False:
        raise invalid_input(f"{shown!r} exists and overwrite is false")
    try:
        old = decoded(base, shown)
    except ToolFailure:
        summary = (
            f"replaces {name}, which is no text ({len(base):,} bytes), by {_lines(len(new.splitlines()))}"
        )
        return Preview(kind="diff", summary=summary, text=unified("", new, name, made=False), base=digest)
    text = unified(old, new, name, made=False)
    changed = text.split("\n")
    added = sum(line.startswith("+") for line in changed) - 1
    removed = sum(line.startswith("-") for line in changed) - 1
    summary = f"changes {name}: {added} lines come, {removed} go" if text else f"leaves {name} as it is"
    return Preview(kind="diff", summary=summary, text=text, base=digest)


def require_base(target: ScopedPath, base: str | None) -> None:
    """The file is still the one with this digest; None asks nothing. Raises ToolFailure."""
    if base is None:
        return
    found = _base(target)
    if found is None or hashlib.sha256(found).hexdigest() != base:
        raise void(target.relative)


def void(shown: str) -> ToolFailure:
    """The file is not the one that the approval showed."""
    message = f"{shown!r} has changed since its approval was asked for; nothing is written"
    return ToolFailure(StepErrorCode.APPROVAL_VOID, message, recoverable=False)


def _base(target: ScopedPath) -> bytes | None:
    try:
        return read_regular_file(target, MAX_BASE_BYTES)
    except ToolFailure as failure:
        if failure.details.get("reason") == "missing":
            return None
        raise


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
