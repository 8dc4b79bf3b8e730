"""What differs between two contents of a pack, layer by layer and file by file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.packs.versions import DiffLine, PackDetail, PackDiff, TextDiff

COLUMNS = (Column("Before", 6), Column("After", 6), Column("", 40, flex=1))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Something to compare: words for it, and the diff, or the two sides to ask the engine for."""

    title: str
    diff: PackDiff | None = None
    before: str = ""
    after: str = ""


def comparisons(detail: PackDetail) -> list[Comparison]:
    """What `d` goes through: broken files, the last reload, then each published version against now."""
    view = detail.view
    found = []
    if detail.rejected is not None:
        found.append(Comparison("content in force → broken files", detail.rejected))
    if detail.last_change is not None:
        found.append(Comparison("last reload", detail.last_change))
    for version in detail.versions:
        title = f"published {version.version} → now"
        found.append(Comparison(title, before=f"{view.pack}@{version.version}", after=view.pack))
    return found


def diff_rows(diff: PackDiff) -> list[Row]:
    """First what the layers amount to, then the files as they are written."""
    rows: list[Row] = []
    for group, texts in (("layer", diff.layers), ("file", diff.files)):
        for text in texts:
            rows += _text_rows(group, text)
    return rows


def _text_rows(group: str, text: TextDiff) -> Iterator[Row]:
    key = f"{group}/{text.name}"
    words = f"{group} {text.name}  {text.change}  +{text.added} -{text.removed}"
    yield _row(key, "", "", words, Tone.BUSY)
    yield from _line_rows(key, text.lines)
    if text.shortened:
        yield _row(
            f"{key}/more", "", "", "⋯ more lines than are shown: vasini pack diff shows all", Tone.QUIET
        )


def _line_rows(key: str, lines: Sequence[DiffLine]) -> Iterator[Row]:
    before, after = 0, 0
    for place, line in enumerate(lines):
        if place and ((line.before or 0) > before + 1 or (line.after or 0) > after + 1):
            yield _row(f"{key}/gap/{place}", "", "", "⋯", Tone.QUIET)
        before, after = line.before or before, line.after or after
        sign, tone = {"added": ("+", Tone.GOOD), "removed": ("-", Tone.BAD)}.get(line.kind, (" ", Tone.QUIET))
        yield _row(f"{key}/{place}", _number(line.before), _number(line.after), f"{sign} {line.text}", tone)


def _number(line: int | None) -> str:
    return "" if line is None else str(line)


def _row(key: str, before: str, after: str, words: str, tone: Tone) -> Row:
    cells = (Cell(sanitize(before), Tone.QUIET), Cell(sanitize(after), Tone.QUIET))
    return Row(key, (*cells, Cell(sanitize(words, limit=1_000), tone)))
