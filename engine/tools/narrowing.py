"""The operator's limits, narrowed for one call by what the pack's tools layer lets its tool do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine.governance.tools_layer import ToolBounds
    from engine.tools.context import ToolLimits


def narrowed(limits: ToolLimits, bounds: ToolBounds, scope: tuple[Path, ...]) -> ToolLimits:
    """Limits no wider than both. `scope`: the rendered directories of a tool that is `scoped`."""
    hosts: frozenset[str] | None = None
    if bounds.network != "full":
        hosts = bounds.hosts if bounds.network == "egress_allowlist" else frozenset()
    return replace(
        limits,
        memory_bytes=min(limits.memory_bytes, bounds.memory_bytes),
        memory_from=limits.memory_from
        if limits.memory_bytes <= bounds.memory_bytes
        else "memory_limit of the pack's tools layer",
        scoped_roots=scope if bounds.filesystem == "scoped" else None,
        filesystem="read_write" if bounds.filesystem == "scoped" else bounds.filesystem,
        hosts=hosts,
    )
