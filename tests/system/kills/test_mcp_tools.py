"""A worker that is killed in a call of an MCP server: its server goes with it, and nothing is made twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

LOOPBACK = Path(__file__).parents[2] / "engine" / "tools" / "mcp_client" / "loopback.py"
SETTINGS = f"""
tools:
  mcp:
    servers:
      loop:
        command: [{sys.executable}, -S, {LOOPBACK}]
      gone:
        command: [no-such-program-here]
"""
FLOW = """
steps:
  - {id: write, type: tool, tool: loop.write, params: {text: once, seconds: 3600}}
"""
ADDS = """
steps:
  - {id: add, type: tool, tool: loop.get_sum, params: {a: 1, b: 2}}
  - {id: nothing, type: tool, tool: loop.no_such, params: {}}
  - {id: lost, type: tool, tool: gone.any, params: {}}
"""


def settings(vasini: Vasini) -> None:
    vasini.home.mkdir(exist_ok=True)
    (vasini.home / "config.yaml").write_text(SETTINGS)


async def holds(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - of other processes
            await asyncio.sleep(0.05)


async def test_a_killed_worker_leaves_no_server_and_its_call_is_asked_about(vasini: Vasini) -> None:
    settings(vasini)
    vasini.make_pack("demo", act=FLOW)
    folder = vasini.home / "cache" / "mcp" / "loop"
    run_id = vasini.ok("run", "demo/act")["run_id"]
    worker = vasini.start("worker")
    try:
        await holds((folder / "begun").exists)
        (server,) = map(int, (folder / "pids").read_text().split())
        below = [psutil.Process(server), *psutil.Process(server).parents()]
        assert worker.pid in {process.pid for process in below}
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.communicate()
    await holds(lambda: not psutil.pid_exists(server))
    (folder / "begun").unlink()
    second = vasini.start("worker")
    try:
        await holds(lambda: waits(vasini, run_id))
        assert (folder / "written").read_text() == "once\n", "whether it is made again is for a person to say"
    finally:
        second.terminate()
        second.communicate()


def waits(vasini: Vasini, run_id: str) -> bool:
    """Whether the run asks what became of a call."""
    return any(each["run_id"] == run_id for each in vasini.ok("outcomes")["outcomes"])


def test_commands_say_what_servers_offer_and_what_is_not_known(vasini: Vasini) -> None:
    settings(vasini)
    pack = vasini.make_pack("demo", adds=ADDS)
    before = vasini("tools").stdout
    assert "MCP server loop: never asked with these settings (`vasini tools --ask`)" in before
    unchecked = vasini("pack", "validate", str(pack))
    assert unchecked.status == 0
    assert "`loop.get_sum` is not checked: the MCP server loop was never asked" in unchecked.stdout
    asked = vasini.ok("tools", "--ask")
    assert {server["server"]: server["state"] for server in asked["servers"]} == {
        "gone": "failed",
        "loop": "ready",
    }
    assert {"loop.get_sum", "files.read"} <= {tool["name"] for tool in asked["tools"]}
    (one,) = vasini.ok("tools", "loop.get_sum")["tools"]
    assert (one["backend"], one["effects"], one["risk"]) == ("mcp", "outside", "high")
    assert "of the MCP server loop, in its words" in vasini("tools", "loop.get_sum").stdout
    doctor = vasini.ok("doctor")["servers"]
    assert any("MCP server gone: failed" in line and "no-such-program-here" in line for line in doctor)
    assert any("MCP server loop (loopback 1.0)" in line for line in doctor)
    checked = vasini("pack", "validate", str(pack))
    assert checked.status != 0
    assert "the MCP server loop listed no `loop.no_such` when it was last asked" in checked.stdout
    assert "`gone.any` is not checked: the MCP server gone could not be used" in checked.stdout
    assert not psutil.pid_exists(int((vasini.home / "cache" / "mcp" / "loop" / "pids").read_text()))
