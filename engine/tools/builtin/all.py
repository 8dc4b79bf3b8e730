"""All built-in tools in one list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.tools.builtin.command import command_tools
from engine.tools.builtin.data import data_tools
from engine.tools.builtin.files import file_tools
from engine.tools.builtin.git import git_tools
from engine.tools.builtin.http import http_tools
from engine.tools.builtin.report import report_tools
from engine.tools.builtin.search import search_tools
from engine.tools.process.command_runner import CommandRunner
from engine.tools.registry import ToolRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.tool import ToolSpec
    from engine.tools.context import ToolLimits
    from engine.tools.registry import ToolFunction


def builtin_registry(limits: ToolLimits) -> ToolRegistry:
    """A registry with every built-in tool, held to the operator's `limits`."""
    registry = ToolRegistry()
    for spec, function in _builtin_tools(limits):
        registry.register(spec, function)
    return registry


def _builtin_tools(limits: ToolLimits) -> Iterator[tuple[ToolSpec, ToolFunction]]:
    runner = CommandRunner()
    yield from file_tools(limits)
    yield from command_tools(limits, runner)
    yield from git_tools(limits, runner)
    yield from search_tools(limits)
    yield from http_tools(limits)
    yield from data_tools(limits)
    yield from report_tools()
