"""Permissions bind root as well: what lets root past them is laid down."""

from __future__ import annotations

import ctypes
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSION = 0x20080522
_PAST_PERMISSIONS = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Set(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def bind_permissions() -> int:
    """From now on permissions bind this thread and those it starts; gives what held before."""
    if os.geteuid() != 0:
        return 0
    before: int = _sets()[0].effective
    _set_effective(before & ~_PAST_PERMISSIONS)
    return before


@contextmanager
def permissions_bind() -> Iterator[None]:
    """Permissions bind as long as the context lasts."""
    before = bind_permissions()
    try:
        yield
    finally:
        if before:
            _set_effective(before)


def _set_effective(effective: int) -> None:
    sets = _sets()
    sets[0].effective = effective
    _call("capset", sets)


def _sets() -> ctypes.Array[_Set]:
    sets = (_Set * 2)()
    _call("capget", sets)
    return sets


def _call(name: str, sets: ctypes.Array[_Set]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(ctypes.byref(_Header(_VERSION, 0)), sets):
        raise OSError(ctypes.get_errno(), name)
