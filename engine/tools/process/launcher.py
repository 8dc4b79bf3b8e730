"""Starts a command below a keeper and under limits: `python -I -S launcher.py SETTINGS COMMAND ...`.

A program of its own, because Python code between fork and exec (`preexec_fn`) is not safe in a process
with threads. Imports the standard library only.
"""

from __future__ import annotations

import json
import os
import sys

_CANNOT_EXECUTE = 126


def main() -> None:
    """Confine this process and replace it with the command."""
    # the engine's own files, last on the path so that they shadow nothing
    sys.path.append(__file__.rsplit("/", 4)[0])
    from engine.tools.process.confinement import confine  # noqa: PLC0415 - found by the line before

    command = sys.argv[2:]
    try:
        confine(json.loads(sys.argv[1]))
        os.execv(command[0], command)  # noqa: S606 - no shell on purpose
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot start {command[0]}: {error}\n")
        sys.exit(_CANNOT_EXECUTE)


if __name__ == "__main__":
    main()
