"""Parts of ids: what a person types of one. Pure."""

from __future__ import annotations

from typing import Literal

LEAST_OF_ID = 4
"""Fewer characters are part of too many ids by chance."""
IdKind = Literal["run", "request"]


def is_part(part: str, whole: str) -> bool:
    """Whether an id is, begins or ends with what was typed; its first word may be left out."""
    return whole.startswith(part) or whole.endswith(part) or whole.partition("_")[2].startswith(part)
