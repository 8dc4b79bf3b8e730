"""What tables are made of: cells of sanitized text, rows with a key, and how a text fits a width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from screens.widgets.status_labels import Tone

if TYPE_CHECKING:
    from engine.safe_text import SafeText


@dataclass(frozen=True, slots=True)
class Cell:
    """Sanitized text of one line, and how loud it is."""

    text: SafeText
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `key` names what it stands for and is unique in the table."""

    key: str
    cells: tuple[Cell, ...]


def fit(text: str, width: int, *, clipped: bool = False, tail: bool = False) -> str:
    """Text on one line of exactly `width` cells; what does not fit ends in an ellipsis, or is `clipped`.

    Of `tail` the end is kept, behind an ellipsis.
    """
    if tail and cell_len(text) > width > 1:
        return "…" + fit(_end_of(text.replace("\n", " "), width - 1), width - 1)
    line = text[: 2 * width].replace("\n", " ")
    if clipped:
        return set_cell_size(line, width)
    if len(line) == len(text) and cell_len(line) <= width:
        return set_cell_size(line, width)
    return set_cell_size(line, width - 1) + "…" if width > 1 else set_cell_size(line, width)


def _end_of(text: str, width: int) -> str:
    """As many signs of the end as fit into so many cells."""
    start = max(0, len(text) - width)
    while cell_len(text[start:]) > width:
        start += 1
    return text[start:]
