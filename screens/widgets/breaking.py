"""How a line that is longer than the screen goes on, in the console and on the command line."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells

CONTINUED = "┆ "
"""Stands before what goes on of a line from outside: so no text can be made to look like a line of ours."""


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


def cut(line: str, width: int) -> list[str]:
    """The pieces of a line that fit into a width of cells; at least one."""
    if line.isascii():
        return [line[start : start + width] for start in range(0, len(line), width)] or [""]
    return chop_cells(line, width) or [""]
