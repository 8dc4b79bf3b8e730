"""Garbage collection: seldom where runs are worked, never while packs are read."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

YOUNG_OBJECTS = 50_000
"""With Python's 700 a tenth of the time under load goes to looking at objects that are all still in use."""


@contextmanager
def gc_infrequent() -> Iterator[None]:
    """Within the context a collection waits for `YOUNG_OBJECTS` new containers."""
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, YOUNG_OBJECTS), *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)


@contextmanager
def gc_paused() -> Iterator[None]:
    """Nothing is collected within the context, for a second at most: reading packs makes many objects,
    all of them in use, and looking at them over and over would hold up the event loop. Not nested.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
