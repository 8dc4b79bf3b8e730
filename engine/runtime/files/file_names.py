"""Names of files in a run's folder: safe, unique, with a role and a content type."""

from __future__ import annotations

import re
from itertools import count
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NAME = 120
_CONTENT_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".html": "text/html",
    ".txt": "text/plain",
    ".md": "text/plain",
}


def safe_name(name: str, index: int) -> str:
    """The last part of `name` with only letters, digits, `.`, `_` and `-`, never hidden or empty."""
    base = PurePosixPath(name.replace("\\", "/")).name
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", base).strip("._")
    if len(safe) > MAX_NAME:
        suffix = PurePosixPath(safe).suffix[:20]
        safe = safe[: MAX_NAME - len(suffix)] + suffix
    return safe or f"file_{index}"


def candidates(name: str) -> Iterator[str]:
    """`name`, then the same with a number before it, without end."""
    yield name
    for number in count(1):
        yield f"{number}_{name}"


def unique_name(name: str, taken: set[str]) -> str:
    """The first candidate not taken; `taken` is in lower case, for file systems that do not tell."""
    return next(candidate for candidate in candidates(name) if candidate.lower() not in taken)


def content_type(name: str) -> str:
    """By suffix; what is not known is a stream of bytes."""
    return _CONTENT_TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")


def role(name: str) -> str:
    """What an output file is for: a PDF is the primary result, a page is interactive, the rest supports."""
    return {".pdf": "primary", ".html": "interactive"}.get(PurePosixPath(name).suffix.lower(), "supporting")
