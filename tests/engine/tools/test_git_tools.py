from __future__ import annotations

import os
import subprocess
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import StepErrorCode
from engine.contracts.tool import ToolResult

if TYPE_CHECKING:
    from pathlib import Path

Call = Callable[..., Awaitable[ToolResult]]

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada Löve",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2024-05-01T10:00:00+02:00",
    "GIT_COMMITTER_DATE": "2024-05-01T10:00:00+02:00",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(repo: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=repo, env=os.environ | IDENTITY, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


@pytest.fixture
def repo(root: Path) -> Path:
    git(root, "init", "-q", "-b", "trunk")
    (root / "a.txt").write_text("one\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "feat: first")
    git(root, "tag", "v1")
    (root / "a.txt").write_text("two\n")
    git(root, "commit", "-q", "-am", "fix: second\n\nA body\nof two lines.")
    return root


def code_of(result: ToolResult) -> StepErrorCode:
    assert result.error is not None, result.data
    return result.error.code


async def test_log_gives_commits_newest_first(call: Call, repo: Path) -> None:
    result = await call("git.log", {"repo": str(repo)})
    newest, oldest = result.data["commits"]
    assert newest == {
        "sha": git(repo, "rev-parse", "HEAD"),
        "author": "Ada Löve",
        "date": "2024-05-01T08:00:00.000000Z",
        "subject": "fix: second",
        "body": "A body\nof two lines.",
    }
    assert (oldest["subject"], oldest["body"]) == ("feat: first", "")


async def test_log_spans_refs_and_counts(call: Call, repo: Path) -> None:
    span = await call("git.log", {"repo": str(repo), "from_ref": "v1", "to_ref": "trunk"})
    none = await call("git.log", {"repo": str(repo), "from_ref": "HEAD"})
    one = await call("git.log", {"repo": str(repo), "max_count": 1})
    assert [commit["subject"] for commit in span.data["commits"]] == ["fix: second"]
    assert none.data == {"commits": []}
    assert len(one.data["commits"]) == 1


async def test_diff_between_refs_and_to_the_work_tree(call: Call, repo: Path) -> None:
    between = await call("git.diff", {"repo": str(repo), "from_ref": "v1", "to_ref": "HEAD"})
    (repo / "a.txt").write_text("three\n")
    tree = await call("git.diff", {"repo": str(repo), "paths": ["a.txt"]})
    other = await call("git.diff", {"repo": str(repo), "paths": ["b.txt"]})
    cut = await call("git.diff", {"repo": str(repo), "max_bytes": 10})
    assert "-one\n+two\n" in between.data["diff"]
    assert "+three" in tree.data["diff"]
    assert other.data == {"diff": "", "truncated": False}
    assert cut.data["truncated"] is True


async def test_status_gives_the_branch_and_changed_paths(call: Call, repo: Path) -> None:
    (repo / "new file.txt").write_text("x")
    git(repo, "mv", "a.txt", "b.txt")
    result = await call("git.status", {"repo": str(repo)})
    assert result.data["branch"] == "trunk"
    entries = sorted(result.data["entries"], key=lambda entry: entry["path"])
    assert entries == [
        {"path": "b.txt", "status": "R", "from": "a.txt"},
        {"path": "new file.txt", "status": "??"},
    ]


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        ("--output=x", StepErrorCode.INVALID_INPUT),
        ("a\nb", StepErrorCode.INVALID_INPUT),
        ("no-such-ref", StepErrorCode.NOT_FOUND),
    ],
)
async def test_bad_refs_are_refused_by_name(call: Call, repo: Path, ref: str, code: StepErrorCode) -> None:
    result = await call("git.log", {"repo": str(repo), "to_ref": ref})
    assert code_of(result) == code
    assert result.error is not None
    assert repr(ref) in result.error.message


@pytest.mark.parametrize("tool", ["git.log", "git.diff", "git.status"])
async def test_a_plain_directory_is_not_found(call: Call, root: Path, tool: str) -> None:
    assert code_of(await call(tool, {"repo": str(root)})) == StepErrorCode.NOT_FOUND


async def test_invalid_utf8_is_replaced(call: Call, repo: Path) -> None:
    (repo / "l.txt").write_bytes(b"caf\xe9\n")
    git(repo, "add", ".")
    result = await call("git.diff", {"repo": str(repo)})
    assert "+caf\ufffd" in result.data["diff"]


async def test_nothing_a_repository_configures_is_started(call: Call, repo: Path) -> None:
    mark = repo.parent / "started"
    touch = f"touch {mark}"
    (repo / ".gitattributes").write_text("*.txt filter=evil diff=evil\n")
    for key in (
        "filter.evil.clean",
        "filter.evil.process",
        "diff.evil.textconv",
        "diff.evil.command",
        "diff.external",
        "core.fsmonitor",
        "core.pager",
    ):
        git(repo, "config", key, touch)
    git(repo, "config", "filter.evil.required", "true")
    (repo / "a.txt").write_text("changed\n")
    assert (await call("git.status", {"repo": str(repo)})).ok
    assert "+changed" in (await call("git.diff", {"repo": str(repo)})).data["diff"]
    assert (await call("git.log", {"repo": str(repo)})).ok
    assert not mark.exists()


async def test_a_work_tree_configured_outside_the_limits_is_refused(call: Call, repo: Path) -> None:
    git(repo, "config", "core.worktree", "/etc")
    assert code_of(await call("git.status", {"repo": str(repo)})) == StepErrorCode.PERMISSION_DENIED
