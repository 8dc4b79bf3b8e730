"""Which back end a tool has, where nothing is started; which built-in ones have no process of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.packs.checks.schemas.tool_names import is_of_server, over_http

if TYPE_CHECKING:
    from collections.abc import Collection


def back_end_of(tool: str, names: Collection[str]) -> str:
    """What runs a tool that is known: an MCP server, the engine, or the pack whose own tool it is."""
    if is_of_server(tool, names):
        return "mcp"
    if over_http(tool) in names:
        return "http"
    return _built_in(tool) or "pack"


def works_in_process(tool: str) -> bool:
    """Whether the tool of that name is a built-in one that works in the engine's own process."""
    return _built_in(tool) == "local"


def _built_in(tool: str) -> str | None:
    from engine.tools.builtin.all import builtin_registry  # noqa: PLC0415 - for the few who say one

    found = builtin_registry().find(tool)
    return found.spec.backend if found is not None else None
