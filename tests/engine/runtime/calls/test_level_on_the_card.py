"""The level of a call is on its card, is part of what is approved, and is kept with the step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.contracts.status import RunStatus
from engine.tools.builtin.command import command_tools
from engine.tools.context import ToolLimits
from engine.tools.process.command_runner import CommandRunner
from tests.engine.runtime.embedded_home import BOB, Home, approval, pending_approval, rest, start, tool

pytestmark = pytest.mark.on_disk


@pytest.fixture(autouse=True)
def _no_blocking_calls() -> None:
    """Not watched here: commands are started in the loop, as asyncio starts its own."""


async def test_a_call_at_another_level_than_was_approved_is_asked_about_again(home: Home) -> None:
    for known in command_tools(CommandRunner()):
        home.tools.registry.add(known)
    params = {"argv": ["sh", "-c", "echo $HOME"]}
    runs = tool("act", "command.run", params=params, sandbox="isolated_if_possible")
    home.flow("go", approval("ok", gates="act"), runs)
    limits = ToolLimits(command_allowlist=frozenset({"sh"}))
    async with home.working(limits=limits) as engine:
        run_id = await start(engine, "go")
        shown = await pending_approval(engine, run_id)
        assert shown.preview is not None
        assert "sandbox: isolated\nnetwork: none" in shown.preview.text
    async with home.working(limits=replace(limits, sandbox="process")) as engine:
        await engine.requests.approve(shown.approval_id, actor=BOB, digest=shown.digest)
        again = await pending_approval(engine, run_id)
        assert again.preview is not None
        assert "sandbox: process" in again.preview.text
        await engine.requests.approve(again.approval_id, actor=BOB, digest=again.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        step = (await engine.runs.get(run_id)).steps[-1]
        assert step.meta is not None
        assert step.meta.sandbox == "process"
