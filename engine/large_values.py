"""Work on large values is done in threads: it would hold up the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LARGE_BYTES = 64 * 1024
_SCALAR_BYTES = 4
_SCALARS = frozenset({bool, int, float, type(None)})
_LISTS = (list, tuple)


def is_large(value: Any) -> bool:
    """Whether the JSON of a value has more than about `LARGE_BYTES`; no more of it than that is looked at."""
    size = 0
    waiting = [value]
    for item in waiting:  # which grows
        if isinstance(item, str):
            size += len(item)
        elif item.__class__ in _SCALARS:
            pass
        elif isinstance(item, dict):
            waiting += item
            waiting += item.values()
        elif isinstance(item, _LISTS):
            waiting += item
        size += _SCALAR_BYTES
        if size > LARGE_BYTES:
            return True
    return False


async def off_loop_if_large(value: Any, work: Callable[[], T]) -> T:
    """`work()`, which looks at all of `value`: in a thread when that is large."""
    return await asyncio.to_thread(work) if is_large(value) else work()
