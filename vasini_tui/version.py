"""The version of the program."""

from __future__ import annotations

import sys


def program_version() -> str:
    """The version of the installed distribution; `unknown` when run from a bare source tree."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - larger than most commands

    try:
        return version("vasini-tui")
    except PackageNotFoundError:
        return "unknown"


def version_line() -> str:
    """What `vasini --version` writes."""
    return f"vasini {program_version()} (Python {'.'.join(map(str, sys.version_info[:3]))})"
