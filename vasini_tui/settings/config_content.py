"""What a settings file says: its keys with their lines, and the one shape of a fault in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import ErrorCode, VasiniError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KeyPath = tuple[str, ...]


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


def config_invalid(path: Path, problem: str, *, line: int | None = None, key: str = "") -> VasiniError:
    """The error for one fault in a settings file; the message says where and what, never a value."""
    place = f"{path}:{line}" if line else str(path)
    words = f"{place}: {key}: {problem}" if key else f"{place}: {problem}"
    details = {"problems": [{"file": str(path), "line": line, "key": key, "message": problem}]}
    return VasiniError(ErrorCode.CONFIG_INVALID, words, details)


def config_error(source: str, problems: list[dict[str, Any]]) -> VasiniError:
    """The error for all faults of one source: the first one in words, each in the details."""
    first = problems[0]
    place = f"{first['file']}:{first['line']}" if first["line"] else first["file"]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    words = f"{place}: {first['key']}: {first['message']}{more}"
    return VasiniError(ErrorCode.CONFIG_INVALID, words, {"source": source, "problems": problems})
