"""Calls at a level, on a machine that has something to lose: a home with a journal, and folders beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from engine.contracts.layers.tools import Tools
from engine.governance.tools_layer import ToolsLayer, tools_layer
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import CallRules, ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.sandbox.bubblewrap import Bubblewrap

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.sandbox_level import SandboxWish
    from engine.contracts.tool import ToolResult
    from engine.tools.context import PackCode

Level = Literal["process", "isolated"]


def nothing_isolates() -> Bubblewrap:
    """A machine without bubblewrap."""
    return Bubblewrap(None, "bubblewrap is not there")


def layer(tool: str, *, level: str = "isolated", **sandbox: Any) -> ToolsLayer:
    """A tools layer with one tool."""
    listed = {"id": tool, "name": "x", "sandbox": {"memory_limit": "1Gi", "level": level, **sandbox}}
    return tools_layer(Tools.model_validate({"available": [listed]}, strict=False))


@dataclass(frozen=True)
class Machine:
    """A home of vasini with the work folder of a run, and a folder of somebody's."""

    home: Path
    outside: Path
    limits: ToolLimits

    @property
    def context(self) -> ToolContext:
        run = self.home / "runs" / "1"
        return ToolContext(
            *("run-1", "step", 1, "run-1/step", "default", run / "work"), input_dir=run / "input"
        )

    @property
    def workdir(self) -> Path:
        return self.context.workdir

    @property
    def secret(self) -> Path:
        return self.outside / "secret.txt"

    @property
    def journal(self) -> Path:
        return self.home / "data" / "journal.db"

    async def call(
        self,
        tool: str,
        params: Any,
        wish: SandboxWish | None = None,
        *,
        rules: CallRules | None = None,
        code: PackCode | None = None,
        **limits: Any,
    ) -> ToolResult:
        rules = replace(rules or CallRules(), sandbox=wish)
        executor = ToolExecutor(builtin_registry(), replace(self.limits, **limits))
        return await executor.call(tool, params, self.context, rules=rules, code=code)

    async def command(self, wish: SandboxWish, *argv: str, **limits: Any) -> ToolResult:
        """A command at a level; another status than 0 is no failure."""
        result = await self.call("command.run", {"argv": list(argv), "check": False}, wish, **limits)
        assert result.error is not None or result.meta.sandbox == wish
        return result

    async def shell(self, wish: SandboxWish, script: str, **limits: Any) -> ToolResult:
        return await self.command(wish, "sh", "-c", script, **limits)


def machine_in(tmp_path: Path, *commands: str) -> Machine:
    """Made on the disk."""
    machine = Machine(
        tmp_path / "home",
        tmp_path / "outside",
        ToolLimits(
            allowed_roots=(tmp_path,),
            denied_roots=(tmp_path / "home" / "data", tmp_path / "home" / "config.yaml"),
            hidden_roots=(tmp_path / "home",),
            command_allowlist=frozenset({"sh", *commands}),
            kill_grace_seconds=0.2,
        ),
    )
    for directory in (machine.journal.parent, machine.workdir, machine.outside):
        directory.mkdir(parents=True)
    machine.journal.write_text("all runs")
    machine.secret.write_text("hunter2")
    return machine
