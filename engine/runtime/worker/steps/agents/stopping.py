"""A call of a model, or of another program's agent, that was stopped: what it had used by then is counted."""

from __future__ import annotations

import asyncio
from typing import Any


class Stopped(asyncio.CancelledError):
    """The call was cancelled; `usage` is the payload of `model_usage`."""

    def __init__(self, usage: dict[str, Any]) -> None:
        super().__init__()
        self.usage = usage


def used_until(cancelled: asyncio.CancelledError) -> dict[str, Any] | None:
    """What a call had used that was cancelled; None where it asked no model, or had not begun to."""
    return cancelled.usage if isinstance(cancelled, Stopped) else None
