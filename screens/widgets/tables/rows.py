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


def fit(text: str, width: int, *, clipped: bool = False) -> str:
    """Text on one line of exactly `width` cells; what does not fit ends in an ellipsis, or is `clipped`."""
    line = text[: 2 * width].replace("\n", " ")
    if clipped:
        return set_cell_size(line, width)
    if len(line) == len(text) and cell_len(line) <= width:
        return set_cell_size(line, width)
    return set_cell_size(line, width - 1) + "…" if width > 1 else set_cell_size(line, width)
