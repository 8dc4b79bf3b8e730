"""The way in: what has to be settled before anything large is loaded, so that a command starts soon."""

from __future__ import annotations

import gc
import signal
import sys
from contextlib import suppress

_YOUNG_OBJECTS = 50_000
"""New containers before garbage is looked for: what a command loads is nearly all in use."""


def main() -> int:
    """Load the program and perform the command line; returns the exit status. While it loads nothing becomes
    garbage."""
    if sys.argv[1:] == ["--version"]:
        from vasini_tui.version import version_line  # noqa: PLC0415 - only for this

        with suppress(OSError):  # a full disk or a closed pipe is told at the program's edge
            print(version_line(), flush=True)  # noqa: T201 - the whole of this command
            return 0
    # Until the program's edge hears it, ctrl-c ends the process as it ends any other: without a trace.
    interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interrupts:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()
    from vasini_tui.__main__ import main as perform  # noqa: PLC0415 - only now

    if len(sys.argv) > 1:  # the console begins to collect when its first frame is shown
        gc.freeze()  # what is loaded stays
        gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
        gc.enable()
    if not interrupts:
        return perform()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return perform()
    finally:  # the interpreter, which ends now, has no words for it either
        signal.signal(signal.SIGINT, signal.SIG_DFL)
