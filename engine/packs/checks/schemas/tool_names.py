"""Which names of tools are known where a pack is checked; those of a server that is declared all are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


def any_tool_of(server: str) -> str:
    """The name that stands for every tool of an MCP server: which it has is known when it is asked."""
    return f"{server}.*"


def over_http(tool: str) -> str:
    """The name that says of a tool that it is called over HTTP."""
    return f"http:{tool}"


def is_known(tool: str, names: Collection[str]) -> bool:
    """Whether a tool of that name may be called, as far as can be told without starting anything."""
    return tool in names or any_tool_of(tool.partition(".")[0]) in names


def is_of_server(tool: str, names: Collection[str]) -> bool:
    """Whether the tool is one of a declared server."""
    return tool not in names and is_known(tool, names)
