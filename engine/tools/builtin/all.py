"""All built-in tools in one list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.tools.builtin.allowing import allowing_tools
from engine.tools.builtin.command import command_tools
from engine.tools.builtin.data import data_tools
from engine.tools.builtin.files.file_tools import file_tools
from engine.tools.builtin.files.image import image_tools
from engine.tools.builtin.files.search import search_tools
from engine.tools.builtin.git.git_tools import git_tools
from engine.tools.builtin.handing_off import handing_off_tools
from engine.tools.builtin.http import http_tools
from engine.tools.builtin.person import person_tools
from engine.tools.builtin.report import report_tools
from engine.tools.process.command_runner import CommandRunner
from engine.tools.registry import ToolRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.tools.registry import RegisteredTool


def builtin_registry() -> ToolRegistry:
    """A registry with every built-in tool."""
    registry = ToolRegistry()
    for tool in _builtin_tools():
        registry.add(tool)
    return registry


def _builtin_tools() -> Iterator[RegisteredTool]:
    runner = CommandRunner()
    yield from file_tools()
    yield from image_tools()
    yield from command_tools(runner)
    yield from git_tools(runner)
    yield from search_tools()
    yield from http_tools()
    yield from data_tools()
    yield from report_tools()
    yield from allowing_tools()
    yield from person_tools()
    yield from handing_off_tools()
