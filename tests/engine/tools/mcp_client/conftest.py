"""Servers of ours below the test's own directory."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.tools.builtin.all import builtin_registry
from engine.tools.context import CallRules, ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.mcp.servers import McpServers
from engine.tools.mcp.settings import McpServer
from engine.tools.sandbox.bubblewrap import bubblewrap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from engine.contracts.tool import ToolResult

LOOPBACK = Path(__file__).with_name("loopback.py")


class Bench:
    """An executor with one server `loop`, whose folder is `folder`."""

    def __init__(self, root: Path, servers: McpServers, executor: ToolExecutor, limits: ToolLimits) -> None:
        self.root, self.servers, self.executor, self.limits = root, servers, executor, limits
        self.folder = root / "mcp" / "loop"
        self.records = root / "records"

    async def call(self, tool: str, params: Any = None, **more: Any) -> ToolResult:
        """Call a tool; `listed`, `previewed` and `output` are of the context, the rest of the rules."""
        about = {name: more.pop(name) for name in ("listed", "previewed", "output") if name in more}
        context = ToolContext("run", "step", 1, "run/step", "default", self.root / "work", **about)
        rules = CallRules(**{"timeout": 60.0, **more})
        return await self.executor.call(tool, params or {}, context, rules=rules)

    def says(self, word: str) -> Path:
        """A file that changes what the server does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / word).touch()
        return self.folder / word

    def pids(self) -> list[int]:
        """Processes that were a server."""
        return [int(line) for line in (self.folder / "pids").read_text().split()]


def declared(**fields: Any) -> McpServer:
    """A server of ours over stdio."""
    return McpServer(**{"command": (sys.executable, "-S", str(LOOPBACK)), **fields})


@asynccontextmanager
async def bench(
    root: Path,
    server: McpServer,
    *,
    secrets: Mapping[str, str] | None = None,
    backoff_seconds: tuple[float, float] = (60.0, 60.0),
    answer_seconds: float = 60.0,
    **limits: Any,
) -> AsyncIterator[Bench]:
    held = ToolLimits(kill_grace_seconds=0.2, **limits)
    servers = McpServers(
        {"loop": server},
        folder=root / "mcp",
        records=root / "records",
        limits=held,
        secrets=secrets or {},
        bubblewrap=bubblewrap,
        backoff_seconds=backoff_seconds,
        answer_seconds=answer_seconds,
    )
    async with servers.open():
        executor = ToolExecutor(builtin_registry(), held, secrets or {}, bubblewrap, servers)
        yield Bench(root, servers, executor, held)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path
