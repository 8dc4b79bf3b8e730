"""What lies between two texts, and between two pack contents: lines with their numbers, bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.packs.versions import DiffLine, TextDiff
from engine.line_diff import common_ends, compared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AROUND = 3
MAX_LINES = 2000
"""Lines one diff holds."""


def texts_diff(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[TextDiff, ...]:
    """Every name whose text differs, by name."""
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return tuple(text_diff(name, before.get(name), after.get(name)) for name in changed)


def text_diff(name: str, before: str | None, after: str | None) -> TextDiff:
    """The changed lines with a few around them; None is a text that is not there."""
    old, new = _lines(before), _lines(after)
    lines: list[DiffLine] = []
    added = removed = 0
    for group in _groups(old, new):
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                pairs = zip(range(start, end), range(new_start, new_end), strict=True)
                lines += [DiffLine(kind="same", before=i + 1, after=j + 1, text=old[i]) for i, j in pairs]
                continue
            removed += end - start
            added += new_end - new_start
            room = max(0, MAX_LINES - len(lines))
            gone = range(start, min(end, start + room))
            lines += [DiffLine(kind="removed", before=i + 1, text=old[i]) for i in gone]
            come = range(new_start, min(new_end, new_start + room))
            lines += [DiffLine(kind="added", after=j + 1, text=new[j]) for j in come]
    return TextDiff(
        name=name,
        change="added" if before is None else "removed" if after is None else "changed",
        lines=tuple(lines[:MAX_LINES]),
        added=added,
        removed=removed,
        shortened=sum(line.kind != "same" for line in lines[:MAX_LINES]) < added + removed,
    )


def _lines(text: str | None) -> list[str]:
    # only `\n` ends a line here, as in the positions of problems
    if not text:
        return []
    return text.removesuffix("\n").split("\n")


def _groups(old: Sequence[str], new: Sequence[str]) -> list[list[tuple[str, int, int, int, int]]]:
    """Changes with the lines around them, as difflib gives them."""
    matcher = compared(old, new)
    if matcher is not None:
        return [list(group) for group in matcher.get_grouped_opcodes(AROUND)]
    head, tail = common_ends(old, new)
    return [[("replace", head, len(old) - tail, head, len(new) - tail)]]
