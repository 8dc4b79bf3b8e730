"""What a settings file says: its keys with their lines, and the one shape of a fault in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import ErrorCode, VasiniError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    ConfigContent = tuple[dict[str, Any], Mapping[tuple[str, ...], int]]

KeyPath = tuple[str, ...]

BY_PACK, BY_PRODUCT = "by_pack", "by_product"
"""One setting of several groups, and its other name, which is read as the first."""
OF_PACKS = frozenset({"models", "policies", "slo"})
"""The groups that have it."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The content of a settings file, and the line each key stands on."""

    path: Path
    data: dict[str, Any] = field(default_factory=dict, repr=False)
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)

    def line_of(self, key: KeyPath) -> int | None:
        """The line of the key, or of the nearest one above it."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.lines:
                return self.lines[key[:end]]
        return None


def by_one_name(data: Mapping[str, Any], lines: Mapping[KeyPath, int]) -> ConfigContent:
    """The content with `by_pack` where it says `by_product`; a group with both keeps them: one is unknown."""
    other = {
        group
        for group, found in data.items()
        if group in OF_PACKS and isinstance(found, dict) and BY_PRODUCT in found and BY_PACK not in found
    }
    if not other:
        return dict(data), lines
    named = {
        group: {BY_PACK if key == BY_PRODUCT else key: value for key, value in found.items()}
        if group in other
        else found
        for group, found in data.items()
    }
    places = {
        (key[0], BY_PACK, *key[2:]) if key[0] in other and key[1:2] == (BY_PRODUCT,) else key: line
        for key, line in lines.items()
    }
    return named, places


def config_invalid(path: Path, problem: str, *, line: int | None = None, key: str = "") -> VasiniError:
    """The error for one fault in a settings file; the message says where and what, never a value."""
    place = f"{path}:{line}" if line else str(path)
    words = f"{place}: {key}: {problem}" if key else f"{place}: {problem}"
    details = {"problems": [{"file": str(path), "line": line, "key": key, "message": problem}]}
    return VasiniError(ErrorCode.CONFIG_INVALID, words, details)


def config_error(source: str, problems: list[dict[str, Any]]) -> VasiniError:
    """The error for all faults of one source: the first one in words, each in the details."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    words = f"{format_problem(problems[0])}{more}"
    return VasiniError(ErrorCode.CONFIG_INVALID, words, {"source": source, "problems": problems})


def format_problem(problem: Mapping[str, Any]) -> str:
    """One fault as it stands in the details, in words."""
    place = f"{problem['file']}:{problem['line']}" if problem["line"] else problem["file"]
    return f"{place}: {problem['key']}: {problem['message']}"
