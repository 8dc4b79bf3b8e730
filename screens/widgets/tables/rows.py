"""What tables are made of: cells of sanitized text, rows with a key, and how a text fits a width."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from screens.widgets.status_labels import Tone

if TYPE_CHECKING:
    from engine.safe_text import SafeText


_LEAST_PACK = 4
"""Cells of a pack that stay before its flow, with their ellipsis."""


class Cut(Enum):
    """What of a text goes when it does not fit."""

    END = auto()
    CLIPPED = auto()
    """The end, without a mark: a time is one without its fractions, too."""
    START = auto()
    """The end of a path says more."""
    PACK = auto()
    """First the pack before a slash: of several flows of a pack the names tell them apart."""


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


def fit(text: str, width: int, cut: Cut = Cut.END) -> str:
    """Text on one line of exactly `width` cells; an ellipsis stands for what does not fit."""
    if cut is Cut.START and cell_len(text) > width > 1:
        return "…" + fit(_end_of(text.replace("\n", " "), width - 1), width - 1)
    if cut is Cut.PACK and "/" in text and cell_len(text) > width:
        pack, _, flow = text.partition("/")
        room = min(cell_len(pack), max(_LEAST_PACK, width - 1 - cell_len(flow)))
        if room < width - 1:
            return f"{fit(pack, room)}/{fit(flow, width - 1 - room)}"
    line = text[: 2 * width].replace("\n", " ")
    if cut is Cut.CLIPPED:
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
