"""The operator's limits, narrowed for one call by what the pack's tools layer lets its tool do."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine.governance.tools_layer import ToolBounds
    from engine.tools.context import ToolLimits


def narrowed(limits: ToolLimits, bounds: ToolBounds, scope: tuple[Path, ...]) -> ToolLimits:
    """Limits no wider than both. `scope`: the rendered directories of a tool that is `scoped`.

    No process has more processor time than its share of the processors gives it in the call's longest run.
    """
    hosts: frozenset[str] | None = None
    if bounds.network != "full":
        hosts = bounds.hosts if bounds.network == "egress_allowlist" else frozenset()
    cpu_seconds = math.ceil(bounds.cores * bounds.timeout)
    return replace(
        limits,
        memory_bytes=min(limits.memory_bytes, bounds.memory_bytes),
        memory_from=limits.memory_from
        if limits.memory_bytes <= bounds.memory_bytes
        else "memory_limit of the pack's tools layer",
        cpu_seconds=min(limits.cpu_seconds, cpu_seconds),
        cpu_from=limits.cpu_from
        if limits.cpu_seconds <= cpu_seconds
        else f"cpu_limit ({bounds.cores:g} processors) of the pack's tools layer",
        processors=bounds.cores,
        scoped_roots=scope if bounds.filesystem == "scoped" else None,
        filesystem="read_write" if bounds.filesystem == "scoped" else bounds.filesystem,
        hosts=hosts,
    )
