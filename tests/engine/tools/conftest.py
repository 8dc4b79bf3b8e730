"""Surroundings of a tool call, below the test's own directory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.contracts.tool import ToolResult
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import CallRules, PackCode, ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor

Call = Callable[..., Awaitable[ToolResult]]
Appears = Callable[[Path], Awaitable[int]]


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(
        *("run-1", "step", 2, "run-1/step", "default", tmp_path / "workdir"),
        pack="my-pack",
        flow="look",
        input_dir=tmp_path / "input",
    )


@pytest.fixture
def appears() -> Appears:
    """Waits for a file that holds a process id."""

    def read(path: Path) -> int:
        end = time.monotonic() + 20
        while not (path.exists() and path.read_text()):  # it is made first, then written
            assert time.monotonic() < end, f"{path.name} never appeared"
            time.sleep(0.01)
        return int(path.read_text())

    return lambda path: asyncio.to_thread(read, path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "root"
    directory.mkdir()
    return directory


@pytest.fixture
def limits(tmp_path: Path) -> ToolLimits:
    return ToolLimits(
        allowed_roots=(tmp_path,),
        command_allowlist=frozenset({"sh", "echo", "env", "cat"}),
        kill_grace_seconds=0.2,
    )


@pytest.fixture
def call(limits: ToolLimits, context: ToolContext) -> Call:
    """Calls a built-in (or pack) tool through an executor with the test's limits."""
    executor = ToolExecutor(builtin_registry(), limits)

    async def run(
        name: str, params: Any, *, timeout: float = 60.0, code: PackCode | None = None
    ) -> ToolResult:
        return await executor.call(name, params, context, rules=CallRules(timeout=timeout), code=code)

    return run
