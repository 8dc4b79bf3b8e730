"""All built-in tools in one list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.tools.command import CommandRunner, command_tools
from engine.tools.data import data_tools
from engine.tools.files import file_tools
from engine.tools.git import git_tools
from engine.tools.http import http_tools
from engine.tools.report import report_tools
from engine.tools.search import search_tools

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.tool import ToolSpec
    from engine.tools.context import ToolLimits
    from engine.tools.registry import ToolFunction


def builtin_tools(limits: ToolLimits) -> Iterator[tuple[ToolSpec, ToolFunction]]:
    """Every built-in tool, held to the operator's limits."""
    runner = CommandRunner()
    yield from file_tools(limits)
    yield from command_tools(limits, runner)
    yield from git_tools(limits, runner)
    yield from search_tools(limits)
    yield from http_tools(limits)
    yield from data_tools(limits)
    yield from report_tools()
