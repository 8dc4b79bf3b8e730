"""Globs over relative paths with `/`: `*`, `?` and `[...]` stay inside one name, `**` spans directories.

Names are matched one by one, so that no glob from outside can make matching take exponential time.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from engine.tools.failure import invalid_input

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_GLOB = 500


class Glob:
    """One compiled glob. Raises ToolFailure(invalid_input) when it is empty or too long."""

    def __init__(self, glob: str) -> None:
        if not 0 < len(glob) <= _MAX_GLOB:
            raise invalid_input(f"a glob has 1 to {_MAX_GLOB} characters")
        parts = glob.split("/")
        if parts[-1] == "**":
            parts.append("*")  # `dir/**` is everything below dir, not dir itself
        self._parts = [None if part == "**" else re.compile(fnmatch.translate(part)) for part in parts]

    def matches(self, path: str) -> bool:
        """Whether the whole relative path matches."""
        parts = self._parts
        positions = self._with_empty_spans({0})
        for name in path.split("/"):
            reached: set[int] = set()
            for position in positions:
                if position == len(parts):
                    continue
                expression = parts[position]
                if expression is None:
                    reached.add(position)
                elif expression.match(name):
                    reached.add(position + 1)
            positions = self._with_empty_spans(reached)
            if not positions:
                return False
        return len(parts) in positions

    def _with_empty_spans(self, positions: set[int]) -> set[int]:
        reached = set(positions)
        for position in sorted(positions):
            following = position
            while following < len(self._parts) and self._parts[following] is None:
                following += 1
                reached.add(following)
        return reached


class Exclusion:
    """Paths to leave out: any that matches one of the globs; `dir/**` leaves out the whole directory."""

    def __init__(self, globs: Sequence[str]) -> None:
        self._files = [Glob(glob) for glob in globs]
        self._directories = [Glob(glob.removesuffix("/**")) for glob in globs if glob.endswith("/**")]

    def file(self, path: str) -> bool:
        """Whether the file is left out."""
        return any(glob.matches(path) for glob in self._files)

    def directory(self, path: str) -> bool:
        """Whether nothing inside the directory can be wanted."""
        return any(glob.matches(path) for glob in self._directories)
