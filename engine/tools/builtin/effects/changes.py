"""What differs between a folder and its copy in which a command ran, and how a person is shown it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

from engine.contracts.status import StepErrorCode
from engine.tools.builtin.files.preview import MAX_BASE_BYTES, unified
from engine.tools.failure import ToolFailure, from_os_error, invalid_input

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.tools.builtin.effects.tree import Entry, Tree

MAX_CHANGES = 500
MAX_SHOWN = 2_000_000
"""Characters of all differences together: a person is to read them."""


class Change(NamedTuple):
    """A path whose entry differs; None where there is none."""

    path: str
    before: Entry | None
    after: Entry | None


def changed_meanwhile() -> ToolFailure:
    """What is there, or what would be put there, is not what was shown."""
    message = "what the command would change has changed since its approval was asked for; nothing is written"
    return ToolFailure(StepErrorCode.APPROVAL_VOID, message, recoverable=False)


def changes_between(before: Tree, after: Tree) -> list[Change]:
    """By path. Raises ToolFailure (invalid_input) for more than can be looked at, or names that cannot be."""
    paths = sorted(before.keys() | after.keys())
    found = [
        Change(path, before.get(path), after.get(path))
        for path in paths
        if before.get(path) != after.get(path)
    ]
    if len(found) > MAX_CHANGES:
        raise invalid_input(f"it changes {len(found):,} files, more than {MAX_CHANGES} that can be looked at")
    for change in found:
        try:
            change.path.encode()
        except UnicodeEncodeError:
            raise invalid_input(f"it changes a file whose name is no text: {change.path!r}") from None
    return found


def digest_of_changes(changes: Sequence[Change]) -> str:
    """Binds what was there before and what comes, byte by byte."""
    return hashlib.sha256(json.dumps(changes).encode()).hexdigest()


def shown_changes(changes: Sequence[Change], folder: Path, copy: Path) -> str:
    """Every change with the digest of what comes; of texts the lines that differ. Raises ToolFailure."""
    parts = [_shown(change, folder, copy) for change in changes]
    text = "\n\n".join(parts)
    if len(text) > MAX_SHOWN:
        raise invalid_input(
            f"its changes are {len(text):,} characters, more than {MAX_SHOWN:,} to be looked at"
        )
    return text


def _shown(change: Change, folder: Path, copy: Path) -> str:
    name = json.dumps(change.path, ensure_ascii=False)
    heading = f"{name}\n  before: {_words(change.before)}\n  after:  {_words(change.after)}"
    if not any(entry is not None and entry.kind == "file" for entry in (change.before, change.after)):
        return heading
    old, new = (
        _content(place / change.path, entry)
        for place, entry in ((folder, change.before), (copy, change.after))
    )
    if old == new or old is None or new is None:
        return heading if old == new else f"{heading}\n(no text, or too long to compare)"
    made = change.before is None or change.before.kind != "file"
    return f"{heading}\n{unified(old, new, name, made=made)}".rstrip("\n")


def _words(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    if entry.kind == "link":
        return f"link to {json.dumps(entry.content, ensure_ascii=False)}"
    return f"{entry.kind} {entry.mode:o}" + (f" sha256 {entry.content}" if entry.content else "")


def _content(path: Path, entry: Entry | None) -> str | None:
    """The text of a file, empty where there is none; None for what is no text."""
    if entry is None or entry.kind != "file":
        return ""
    try:
        raw = path.read_bytes() if path.lstat().st_size <= MAX_BASE_BYTES else None
    except OSError as error:
        raise from_os_error(error, f"cannot read {str(path)!r}") from error
    if raw is None:
        return None
    if hashlib.sha256(raw).hexdigest() != entry.content:
        raise changed_meanwhile()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
