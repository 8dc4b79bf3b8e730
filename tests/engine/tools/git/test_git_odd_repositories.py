"""Repositories unlike most (settings, filters, owners, kinds): what is told of them stays true."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import StepErrorCode
from tests.engine.tools.git.git_readings import read_all
from tests.engine.tools.git.made_repository import git, made_repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.tools.conftest import Call


@pytest.fixture
def repo(root: Path) -> Path:
    return made_repository(root)


async def test_settings_of_the_repository_do_not_change_what_is_told(call: Call, repo: Path) -> None:
    (repo / "a.txt").write_text("Größe\n")
    git(repo, "commit", "-qam", "fix: Größe prüfen")
    for key, value in {
        "i18n.logOutputEncoding": "ISO-8859-1",
        "color.ui": "always",
        "color.diff": "always",
        "core.quotePath": "true",
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.orderFile": "/dev/null",
        "diff.context": "0",
        "log.follow": "true",
        "log.date": "relative",
        "log.decorate": "full",
        "status.showUntrackedFiles": "no",
        "status.branch": "true",
        "core.abbrev": "4",
    }.items():
        git(repo, "config", key, value)
    (repo / "a.txt").write_text("Länge\n")
    (repo / "ü.txt").write_text("x")
    found = await read_all(call, repo)
    assert found["git.log"].data["commits"][0]["subject"] == "fix: Größe prüfen"
    assert "\x1b" not in found["git.diff"].data["diff"]
    assert "--- a/a.txt\n+++ b/a.txt\n" in found["git.diff"].data["diff"]
    assert [entry["path"] for entry in found["git.status"].data["entries"]] == ["a.txt", "ü.txt"]


async def test_a_file_under_a_filter_is_named_and_not_taken_for_changed(call: Call, repo: Path) -> None:
    git(repo, "config", "filter.lfs.clean", "sed s/REAL/POINTER/")
    git(repo, "config", "filter.lfs.smudge", "sed s/POINTER/REAL/")
    (repo / ".gitattributes").write_text("*.bin filter=lfs\n")
    (repo / "x.bin").write_text("REAL\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "lfs")
    os.utime(repo / "x.bin", (2, 2))
    (repo / "a.txt").write_text("three\n")
    found = await read_all(call, repo)
    status, diff = found["git.status"].data, found["git.diff"].data
    assert [entry["path"] for entry in status["entries"]] == ["a.txt"]
    assert "+three" in diff["diff"]
    assert "POINTER" not in diff["diff"]
    for data in (status, diff):
        assert data["filtered"] == ["x.bin"]
        assert data["notice"].startswith("1 files pass a content filter")


def give_away(repo: Path) -> None:
    for path in (repo, *repo.rglob("*")):
        os.chown(path, 1234, 1234)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
@pytest.mark.parametrize("inside", [".", "src"])
async def test_a_repository_of_somebody_else_is_read(call: Call, repo: Path, inside: str) -> None:
    (repo / "src").mkdir(exist_ok=True)
    give_away(repo)
    (repo / "a.txt").write_text("three\n")
    result = await call("git.status", {"repo": str(repo / inside)})
    assert result.data["entries"] == [{"path": "a.txt", "status": "M"}]


async def test_a_sub_directory_tells_of_the_whole_repository(call: Call, repo: Path) -> None:
    (repo / "src").mkdir()
    (repo / "a.txt").write_text("three\n")
    result = await call("git.diff", {"repo": str(repo / "src")})
    assert "a/a.txt" in result.data["diff"]


async def test_the_repository_is_left_as_it_was(call: Call, repo: Path) -> None:
    def state() -> dict[str, tuple[int, bytes]]:
        files = [path for path in repo.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    os.utime(repo / "a.txt", (5, 5))  # git would like to note this in its index
    before = state()
    await read_all(call, repo)
    assert state() == before


async def test_bare_and_linked_repositories_are_read(call: Call, repo: Path) -> None:
    git(repo, "worktree", "add", "-q", str(repo.parent / "linked"), "-b", "side")
    git(repo, "clone", "-q", "--bare", str(repo), str(repo.parent / "bare"))
    (repo.parent / "linked" / "a.txt").write_text("three\n")
    status = await call("git.status", {"repo": str(repo.parent / "linked")})
    assert (status.data["branch"], len(status.data["entries"])) == ("side", 1)
    log = await call("git.log", {"repo": str(repo.parent / "bare"), "from_ref": "v1"})
    assert [commit["subject"] for commit in log.data["commits"]] == ["fix: second"]
    none = await call("git.status", {"repo": str(repo.parent / "bare")})
    assert none.error is not None
    assert none.error.code == StepErrorCode.NOT_FOUND
