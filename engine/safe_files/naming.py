"""What a person means by the name of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def at_home(path: Path) -> Path:
    """The path with `~` replaced; `~nobody`, and `~` where nobody knows a home, are only names."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
