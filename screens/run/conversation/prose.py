"""Which lines of a conversation are prose, whose breaks may move: code and tables keep their columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BARS = ("│ ", "  ✗ ")
"""Before what is said, and before what went wrong. What calls were given and brought is data."""
_FENCE = re.compile(r" *(`{3,}|~{3,})(.*)")
_INDENTED = "    "
_RULES = re.compile("[|│┃]")
"""Between the cells of a table, drawn or Markdown."""


def prose_begins(lines: Iterable[str]) -> Iterator[int]:
    """For each line of a block: how many characters stand before its prose; 0 when it is none."""
    fence = ""
    for line in lines:
        bar = next((bar for bar in _BARS if line.startswith(bar)), "")
        text = line[len(bar) :]
        if not bar:  # the next text begins outside of code
            fence = ""
            yield 0
            continue
        found = _FENCE.fullmatch(text)
        if found is not None and not fence:
            fence = found[1]
        elif found is not None and found[1].startswith(fence) and not found[2].strip():
            fence = ""
        elif not fence and _is_prose(text):
            yield len(line) - len(text.lstrip(" "))
            continue
        yield 0


def _is_prose(text: str) -> bool:
    return not text.startswith(_INDENTED) and not text.isspace() and _RULES.search(text) is None
