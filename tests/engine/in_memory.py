"""Where files are in memory."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ENOUGH = 4 * 1024**3
"""Bytes; no test needs a tenth of it."""


@cache
def in_memory() -> Path | None:
    """A directory in memory with room for tests; None is the usual place, to `TemporaryDirectory` as well."""
    try:
        there = os.statvfs(_MEMORY)
    except OSError:
        return None
    if there.f_flag & os.ST_NOEXEC or not os.access(_MEMORY, os.W_OK):
        return None
    return _MEMORY if there.f_bavail * there.f_frsize >= _ENOUGH else None
