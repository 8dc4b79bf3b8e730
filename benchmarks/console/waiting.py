"""Waiting for what the console has come to, as soon as it has."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE_SECONDS = 120.0


async def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds. Raises TimeoutError after DEADLINE_SECONDS."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the console did not come to that within {DEADLINE_SECONDS:.0f} s")
        await asyncio.sleep(0.0005)
