"""The version of the program."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """The version of the installed distribution; `unknown` when run from a bare source tree."""
    try:
        return version("vasini-tui")
    except PackageNotFoundError:
        return "unknown"
