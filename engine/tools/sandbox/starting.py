"""The words that stand before an isolated program."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.tools.sandbox.mounts import mount_arguments

if TYPE_CHECKING:
    from pathlib import Path

    from engine.tools.context import ToolLimits


async def isolation(limits: ToolLimits, cwd: Path) -> list[str]:
    """bubblewrap with its arguments; nothing when the call is not isolated."""
    sandbox = limits.isolated_in
    if sandbox is None:
        return []
    arguments = await asyncio.to_thread(mount_arguments, sandbox, cwd, limits.memory_bytes)
    return [sandbox.program, *arguments]
