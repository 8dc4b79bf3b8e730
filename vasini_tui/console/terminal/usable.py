"""Whether this process has a terminal that a full-screen program can use. Standard library only."""

from __future__ import annotations

import os
import sys

_NO_SCREEN = frozenset({"", "dumb", "unknown"})


def terminal_problem() -> str | None:
    """Why the console cannot be drawn here, in words with a way out; None when it can.

    The console draws on standard error, so a redirected one counts as well.
    """
    redirected = [
        name
        for name, stream in (("input", sys.stdin), ("output", sys.stdout), ("error", sys.stderr))
        if stream is None or stream.closed or not stream.isatty()
    ]
    if redirected:
        streams = " and ".join(f"standard {name}" for name in redirected)
        verb = "is" if len(redirected) == 1 else "are"
        return f"The console needs a terminal, but {streams} {verb} redirected. {_WAY_OUT}"
    term = os.environ.get("TERM", "")
    if term.lower() in _NO_SCREEN:
        named = f"TERM={term}" if term else "TERM is not set, and"
        return f"The console needs a terminal that can move its cursor; {named} cannot. {_WAY_OUT}"
    return None


_WAY_OUT = "Use the commands instead, such as `vasini runs` or `vasini approvals`; see `vasini --help`."
