"""The way in: what has to be settled before anything large is loaded, so that a command starts soon."""

from __future__ import annotations

import gc
import os
import sys

_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"
_YOUNG_OBJECTS = 50_000
"""New containers before garbage is looked for: what a command loads is nearly all in use."""


def main() -> int:
    """Load the program and perform the command line; returns the exit status.

    While it loads nothing becomes garbage, and pydantic does not look for plugins in the metadata of
    every installed package. What the program starts finds the environment as it was.
    """
    if sys.argv[1:] == ["--version"]:
        from vasini_tui.version import version_line  # noqa: PLC0415 - only for this

        print(version_line())  # noqa: T201 - the whole of this command
        return 0
    gc.disable()
    before = os.environ.get(_PLUGINS)
    os.environ[_PLUGINS] = "__all__"
    from vasini_tui.__main__ import main as perform  # noqa: PLC0415 - only now

    if before is None:
        del os.environ[_PLUGINS]
    else:
        os.environ[_PLUGINS] = before
    if len(sys.argv) > 1:  # the console begins to collect when its first frame is shown
        gc.freeze()  # what is loaded stays
        gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
        gc.enable()
    return perform()
