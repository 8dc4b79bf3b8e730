"""Repositories that name programs, and those that lie about what they are: nothing of theirs runs."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import StepErrorCode
from engine.safe_files.removing import discard
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from tests.engine.tools.git.git_readings import READINGS, read_all
from tests.engine.tools.git.made_repository import made_repository
from tests.engine.tools.git.programs_named_by_git import (
    NOT_STARTED_BY_PLAIN_GIT,
    WAYS,
    hostile_repository,
    lazy_fetch,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.engine.tools.conftest import Call


@pytest.fixture
def repo(root: Path) -> Path:
    return made_repository(root)


@pytest.mark.parametrize("kind", WAYS)
async def test_nothing_a_repository_names_is_started(call: Call, repo: Path, kind: str) -> None:
    programs = hostile_repository(repo, WAYS[kind])
    found = await read_all(call, repo)
    assert programs.started == set()
    if "lazy" not in kind:
        assert [tool for tool, result in found.items() if not result.ok] == []


@pytest.mark.parametrize("kind", WAYS)
def test_plain_git_would_start_it(repo: Path, kind: str) -> None:
    """The ways above are ways: without this, a test that starts nothing would prove nothing."""
    programs = hostile_repository(repo, WAYS[kind])
    for command in (["status"], ["diff", "HEAD"], ["log", "--stat"]):
        subprocess.run(
            ["git", *command],
            cwd=repo,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
    assert WAYS[kind].keys() - programs.started == WAYS[kind].keys() & NOT_STARTED_BY_PLAIN_GIT


async def test_what_is_missing_is_said_and_not_fetched(call: Call, repo: Path) -> None:
    lazy_fetch(repo, "false")
    result = await call("git.diff", {"repo": str(repo), "from_ref": "v1", "to_ref": "HEAD"})
    assert result.error is not None
    assert "nothing that is missing is fetched" in result.error.message


def only(root: Path, context: ToolContext) -> Call:
    """Calls held to one directory."""
    limits = ToolLimits(allowed_roots=(root,))
    executor = ToolExecutor(builtin_registry(), limits)
    return lambda name, params: executor.call(name, params, context)


def elsewhere_by_pointer(repo: Path, other: Path) -> None:
    subprocess.run(["rm", "-r", str(repo / ".git")], check=True)
    (repo / ".git").write_text(f"gitdir: {other}/.git\n")


def elsewhere_by_alternates(repo: Path, other: Path) -> None:
    (repo / ".git" / "objects" / "info" / "alternates").write_text(f"{other}/.git/objects\n")


def elsewhere_by_quoted_alternates(repo: Path, other: Path) -> None:
    (repo / ".git" / "objects" / "info" / "alternates").write_text(f'"{other}/.git/objects"\n')


def elsewhere_by_link(repo: Path, other: Path) -> None:
    subprocess.run(["rm", "-r", str(repo / ".git" / "objects")], check=True)
    (repo / ".git" / "objects").symlink_to(other / ".git" / "objects")


def elsewhere_by_commondir(repo: Path, other: Path) -> None:
    (repo / ".git" / "commondir").write_text(f"{other}/.git\n")


def elsewhere_by_config(repo: Path, other: Path) -> None:
    (repo / ".git" / "config").unlink()
    (repo / ".git" / "config").symlink_to(other / ".git" / "config")


def elsewhere_by_odd_alternates(repo: Path, other: Path) -> None:
    """To git it is one line, whatever Unicode takes for the end of one."""
    odd = repo / ".git" / "objects" / "a\u2028b"
    odd.symlink_to(other / ".git" / "objects")
    (repo / ".git" / "objects" / "info" / "alternates").write_text(f"{odd.name}\n")


@pytest.mark.parametrize(
    "lead",
    [
        elsewhere_by_pointer, elsewhere_by_alternates, elsewhere_by_quoted_alternates, elsewhere_by_link,
        elsewhere_by_commondir, elsewhere_by_config, elsewhere_by_odd_alternates,
    ],
)  # fmt: skip
async def test_a_repository_does_not_lead_out_of_the_allowed_directories(
    context: ToolContext, repo: Path, lead: Callable[[Path, Path], None]
) -> None:
    other = made_repository(repo.parent / "private")
    lead(repo, other)
    for tool in READINGS:
        result = await only(repo, context)(tool, {"repo": str(repo)})
        assert result.error is not None, tool
        assert result.error.code in {StepErrorCode.PERMISSION_DENIED, StepErrorCode.INVALID_INPUT}


@pytest.mark.parametrize("name", ["commondir", "HEAD", "objects/info/alternates", ""])
async def test_a_file_elsewhere_is_not_read_for_one_of_the_repository(
    context: ToolContext, repo: Path, name: str
) -> None:
    private = repo.parent / "private"
    private.write_text("gitdir: /of/hunter2" if not name else "/of/hunter2")
    place = repo / ".git" / name
    if not name:
        discard(place)
    place.unlink(missing_ok=True)
    place.symlink_to(private)
    result = await only(repo, context)("git.log", {"repo": str(repo)})
    assert result.error is not None
    assert result.error.code is StepErrorCode.PERMISSION_DENIED
    assert "hunter2" not in result.model_dump_json()


@pytest.mark.parametrize("name", ["HEAD", "index", "packed-refs"])
async def test_a_pipe_in_place_of_a_file_holds_nobody_up(call: Call, repo: Path, name: str) -> None:
    (repo / ".git" / name).unlink(missing_ok=True)
    os.mkfifo(repo / ".git" / name)
    result = await call("git.status", {"repo": str(repo)}, timeout=20)
    assert result.error is not None
    assert result.error.code == StepErrorCode.INVALID_INPUT
