"""Which built-in tools have no process of their own, and so no sandbox around it."""

from __future__ import annotations


def works_in_process(tool: str) -> bool:
    """Whether the tool of that name is a built-in one that works in the engine's own process."""
    from engine.tools.builtin.all import builtin_registry  # noqa: PLC0415 - for the few who say a level

    found = builtin_registry().find(tool)
    return found is not None and found.spec.backend == "local"
