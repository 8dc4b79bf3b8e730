"""Where the data we ship is: beside the installed package, never the working directory."""

from __future__ import annotations

from pathlib import Path

# not by the name of a package: a directory without __init__ is a namespace package, and one
# of the same name in the working directory would be merged into it
SHIPPED = Path(__file__).resolve().parents[1]
"""The directory that holds the packages, and beside them what comes with them."""


def shipped_packs() -> Path | None:
    """The directory of the packs that come with the program, None when an installation left it out."""
    directory = SHIPPED / "packs"
    return directory if directory.is_dir() else None
