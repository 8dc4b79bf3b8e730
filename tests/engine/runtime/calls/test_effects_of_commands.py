"""A run asks about what a command would change: approved it is put in place, rejected it is thrown away."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RequestStatus, RunStatus
from engine.tools.builtin.command import command_tools
from engine.tools.context import ToolLimits
from engine.tools.process.command_runner import CommandRunner
from tests.engine.runtime.embedded_home import BOB, Home, approval, pending_approval, rest, start, tool

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.on_disk


@pytest.fixture(autouse=True)
def _no_blocking_calls() -> None:
    """Not watched here: commands are started in the loop, as asyncio starts its own."""


LIMITS = ToolLimits(command_allowlist=frozenset({"sh"}))


@pytest.fixture
def project(home: Home, tmp_path: Path) -> Path:
    """A folder that a step would change, behind an approval."""
    for known in command_tools(CommandRunner()):
        home.tools.registry.add(known)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.txt").write_text("one\n")
    argv = ["sh", "-c", "echo two > a.txt; date +%N > stamp; date +%N"]
    params = {"argv": argv, "cwd": str(folder), "effect": "preview"}
    home.flow("go", approval("ok", gates="act"), tool("act", "command.run", params=params))
    return folder


def kept(home: Home, run_id: str) -> list[Path]:
    return list((home.root / "runs").rglob(f"{run_id}/runtime/effects/*"))


async def test_what_was_approved_is_put_in_place_as_it_was_shown(home: Home, project: Path) -> None:
    async with home.working(limits=LIMITS) as engine:
        run_id = await start(engine, "go")
        shown = await pending_approval(engine, run_id)
    assert (project / "a.txt").read_text() == "one\n"
    assert shown.preview is not None
    async with home.working(limits=LIMITS) as engine:  # also after its process has ended
        await engine.requests.approve(shown.approval_id, actor=BOB, digest=shown.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert (project / "a.txt").read_text() == "two\n"
    stamp = hashlib.sha256((project / "stamp").read_bytes()).hexdigest()
    assert f'"stamp"\n  before: nothing\n  after:  file 644 sha256 {stamp}\n' in shown.preview.text


async def test_what_was_rejected_is_thrown_away(home: Home, project: Path) -> None:
    async with home.working(limits=LIMITS) as engine:
        run_id = await start(engine, "go")
        shown = await pending_approval(engine, run_id)
        assert len(kept(home, run_id)) == 1
        await engine.requests.reject(shown.approval_id, actor=BOB, comment="no")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert kept(home, run_id) == []
    assert not (project / "stamp").exists()
    assert (project / "a.txt").read_text() == "one\n"


async def test_what_changed_meanwhile_is_run_and_asked_about_again(home: Home, project: Path) -> None:
    async with home.working(limits=LIMITS) as engine:
        run_id = await start(engine, "go")
        shown = await pending_approval(engine, run_id)
        (project / "a.txt").write_text("somebody's\n")
        await engine.requests.approve(shown.approval_id, actor=BOB, digest=shown.digest)
        again = await pending_approval(engine, run_id)
        assert (await engine.requests.approval(shown.approval_id)).status is RequestStatus.VOID
        assert (project / "a.txt").read_text() == "somebody's\n"
        assert again.preview is not None
        assert "-somebody's" in again.preview.text
        await engine.requests.approve(again.approval_id, actor=BOB, digest=again.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert (project / "a.txt").read_text() == "two\n"
