"""How a line that is longer than the screen goes on, in the console and on the command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells

if TYPE_CHECKING:
    from collections.abc import Callable

CONTINUED = "┆ "
"""Stands before what goes on of a line from outside: so no text can be made to look like a line of ours."""

_WORD = re.compile("[^ ]+ *| +")


def broken(line: str, width: int, continued: str) -> list[str]:
    """The line broken at the edge; what goes on of it stands behind `continued`: so no text can be made to
    look like a line of its own.
    """
    whole = cut(line, width)
    if len(whole) < 2:
        return whole
    first = whole[0]
    rest = cut(line[len(first) :], max(1, width - cell_len(continued)))
    return [first, *(continued + piece for piece in rest)]


def broken_at_spaces(line: str, width: int, continued: str, begins: int) -> list[str]:
    """As `broken`, but a word that fits into a line is not broken. Nothing is left out: a space stays at the
    end of its piece. What stands before the prose `begins` stays with its first word.
    """
    words, room = _WORD.findall(line, begins), width - cell_len(continued)
    left = width - cell_len(line[:begins])
    if not words or room < 2 or left < 2 or cell_len(line) <= width:
        return broken(line, width, continued)
    measure: Callable[[str], int] = len if line[begins:].isascii() else cell_len
    pieces, begun = [line[:begins]], False
    for word in words:
        size = measure(word)
        if left < size <= room and begun:
            pieces.append("")
            left = room
        begun = True
        for number, piece in enumerate([word] if size <= left else _cut_from(word, left, room)):
            if number:
                pieces.append("")
                left = room
            pieces[-1] += piece
            left -= measure(piece)
    return [pieces[0], *(continued + piece for piece in pieces[1:])]


def _cut_from(word: str, left: int, room: int) -> list[str]:
    """The pieces of a word of which the first fits into what is `left` of a line, the others into `room`."""
    first = cut(word, left)[0] if left > 1 else ""
    return [first, *cut(word[len(first) :], room)]


def cut(line: str, width: int) -> list[str]:
    """The pieces of a line that fit into a width of cells; at least one."""
    if line.isascii():
        return [line[start : start + width] for start in range(0, len(line), width)] or [""]
    return chop_cells(line, width) or [""]
