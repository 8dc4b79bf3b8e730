"""What agents elsewhere asked is withdrawn when the server that asked was killed, and only then."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RequestStatus, RunStatus
from engine.runtime.processes import process_name, this_process
from engine.tools.builtin.allowing import allowing_tools
from engine.tools.builtin.report import report_tools
from tests.engine.runtime.embedded_home import ANN, BOB, pending_approval, rest, until

if TYPE_CHECKING:
    from engine.contracts.runs.request import ApprovalView
    from engine.facade.engine import Engine
    from tests.engine.runtime.embedded_home import Home

PACKS = Path(__file__).parents[4] / "packs"


@pytest.fixture
def outside(home: Home) -> Home:
    """A home with the pack, and with the tool that its flow calls."""
    for name in ("outside", "_shared"):
        shutil.copytree(PACKS / name, home.root / "shipped" / name)
    for tool in (*allowing_tools(), *report_tools()):
        home.tools.registry.add(tool)
    return home


async def asked(engine: Engine, process: str) -> ApprovalView:
    payload = {
        "client": "cli",
        "process": process,
        "connection": "run_1",
        "title": "t",
        "message": "",
        "tool": "Bash",
        "input": {"command": "ls"},
        "digest": "a" * 64,
        "high": False,
    }
    run = await engine.runs.start("outside", "approval", payload, actor=ANN)
    return await pending_approval(engine, run.run_id)


@pytest.fixture(scope="module")
def killed() -> str:
    """The name of a process that was killed."""
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    name = process_name(process.pid)
    process.kill()
    process.wait()
    return name


@pytest.fixture(scope="module")
def alive() -> str:
    return this_process()


async def test_a_killed_servers_question_is_withdrawn_and_those_of_others_are_not(
    outside: Home, killed: str, alive: str
) -> None:
    async with outside.working() as engine:
        lost = await asked(engine, killed)
        kept = await asked(engine, alive)
        elsewhere = await asked(engine, "not the name of a process")

        async def withdrawn() -> bool:
            return (await engine.requests.approval(lost.approval_id)).status is RequestStatus.WITHDRAWN

        await until(withdrawn)
        assert (await engine.runs.summary(lost.run_id)).status is RunStatus.CANCELLED
        for shown in (kept, elsewhere):
            await engine.requests.approve(shown.approval_id, actor=BOB)
            done = await rest(engine, shown.run_id, expect=RunStatus.COMPLETED)
            assert done.output == {"tool": "Bash", "digest": "a" * 64}


async def test_a_killed_servers_question_that_was_approved_stays_approved(outside: Home, killed: str) -> None:
    async with outside.working() as engine:
        shown = await asked(engine, killed)
        await engine.requests.approve(shown.approval_id, actor=BOB)
        assert (await rest(engine, shown.run_id)).status in {RunStatus.COMPLETED, RunStatus.CANCELLED}
