"""Garbage collection of a process that works runs: seldom, since transitions leave hardly any cycles"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

YOUNG_OBJECTS = 50_000
"""With Python's 700 a tenth of the time under load goes to looking at objects that are all still in use."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Within the context a collection waits for `YOUNG_OBJECTS` new containers."""
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, YOUNG_OBJECTS), *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)
