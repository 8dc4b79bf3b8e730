"""What a person says of the tools of a run, checked before it is written down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import InvalidInput
from engine.safe_text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_PATTERNS = 100
_PATTERN = re.compile(r"[A-Za-z0-9_.*-]{1,120}")


def tool_patterns(given: Iterable[str]) -> list[str]:
    """Names of tools, `*` in them any characters; each once. Raises InvalidInput."""
    patterns = list(dict.fromkeys(given))
    if len(patterns) > MOST_PATTERNS:
        raise InvalidInput(f"these are {len(patterns)} names of tools; at most {MOST_PATTERNS} are taken")
    for one in patterns:
        if not _PATTERN.fullmatch(one):
            shown = sanitize(one, limit=80)
            raise InvalidInput(
                f"{shown} is no name of a tool; `*` stands for any characters", {"tool": shown}
            )
    return patterns
