"""A table as text: aligned columns; on a terminal that is narrower, each row on the lines that it needs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from engine.contracts.times import rfc3339
from engine.safe_text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_EMPTY = "-"
_CELL_LIMIT = 100
_BETWEEN = "\0"
"""Between the cells of a row: no text that is safe has it."""
_GAP = "  "
_INDENT = "    "
_LEAST_LAST = 24
"""A last column of fewer cells is no place for sentences."""


class TextTable:
    """A table while its rows are read. There may be very many, so each is kept as one text."""

    def __init__(self, heads: Sequence[str]) -> None:
        self._heads = tuple(heads)
        self._widths = [0] * len(heads)
        self._lines: list[str] = []

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, row: Sequence[object]) -> None:
        """The next row."""
        cells = [cell(value) for value in row]
        self._widths = [
            max(width, _cells(text) if text != _EMPTY else 0)
            for width, text in zip(self._widths, cells, strict=True)
        ]
        self._lines.append(_BETWEEN.join(cells))

    def lines(self, columns: int = 0) -> Iterator[str]:
        """All of it, once every row is there; 0 `columns` are as many as it needs.

        Where there are too few, columns without any value are left out, then the last one is wrapped, then a
        row goes on below itself with the names of the columns that did not fit.
        """
        widths = [max(width, len(head)) for width, head in zip(self._widths, self._heads, strict=True)]
        shown = list(range(len(widths)))
        if columns and _total(widths) > columns and self._lines:
            shown = [number for number in shown if self._widths[number]]
        first = _fitting(shown, widths, columns)
        last = first[-1] if len(first) == len(shown) else None
        for number, line in enumerate((_BETWEEN.join(self._heads), *self._lines)):
            cells = line.split(_BETWEEN)
            before = "".join(_padded(cells[one], widths[one]) + _GAP for one in first if one != last)
            if last is None:
                yield before.rstrip()
                if number:
                    more = (one for one in shown[len(first) :] if cells[one] != _EMPTY)
                    said = " · ".join(f"{self._heads[one].lower()}: {cells[one]}" for one in more)
                    if said:
                        yield from (_INDENT + piece for piece in wrapped(said, columns - len(_INDENT)))
            else:
                room = columns - _cells(before) if columns else max(1, _cells(cells[last]))
                piece, *more_pieces = wrapped(cells[last], room)
                yield (before + piece).rstrip()
                yield from (" " * _cells(before) + piece for piece in more_pieces)


def cell(value: object, *, limit: int = _CELL_LIMIT) -> str:
    """A value as one short safe text."""
    if value is None or value in ("", (), []):
        return _EMPTY
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, list | tuple | set | frozenset):
        return sanitize(", ".join(str(item) for item in value), limit=limit)
    return sanitize(str(value), limit=limit)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _fitting(shown: Sequence[int], widths: Sequence[int], columns: int) -> Sequence[int]:
    """The columns on the first line of a row: all, or those that leave the rest to the lines below."""
    if not columns or _total([widths[one] for one in shown]) <= columns:
        return shown
    room = columns - _total([widths[one] for one in shown[:-1]]) - len(_GAP)
    if room >= _LEAST_LAST:
        return shown
    many = 1
    while many < len(shown) and _total([widths[one] for one in shown[: many + 1]]) <= columns:
        many += 1
    return shown[:many]


def wrapped(text: str, width: int) -> list[str]:
    """The text broken between words, and in a word that is longer than a line."""
    if _cells(text) <= width:
        return [text]
    from screens.widgets.breaking import cut  # noqa: PLC0415 - few tables are too wide

    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if _cells(joined) <= width:
            lines[-1] = joined
            continue
        pieces = cut(word, width)
        lines[-1:] = [lines[-1], *pieces] if lines[-1] else pieces
    return lines


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _cells(text))


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - most tables need no widths of Unicode

    return cell_len(text)
