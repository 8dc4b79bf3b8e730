from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import StepErrorCode
from tests.engine.tools.git.made_repository import git, made_repository

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.tool import ToolResult
    from tests.engine.tools.conftest import Call


@pytest.fixture
def repo(root: Path) -> Path:
    return made_repository(root)


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
        "email": "ada@example.org",
        "parents": [git(repo, "rev-parse", "v1")],
        "trailers": [],
    }
    assert oldest["parents"] == []
    assert (oldest["subject"], oldest["body"]) == ("feat: first", "")


async def test_log_spans_refs_and_counts(call: Call, repo: Path) -> None:
    span = await call("git.log", {"repo": str(repo), "from_ref": "v1", "to_ref": "trunk"})
    none = await call("git.log", {"repo": str(repo), "from_ref": "HEAD"})
    one = await call("git.log", {"repo": str(repo), "max_count": 1})
    assert [commit["subject"] for commit in span.data["commits"]] == ["fix: second"]
    assert (none.data["commits"], none.data["total"], none.data["notice"]) == ([], 0, None)
    assert len(one.data["commits"]) == 1
    assert one.data["notice"] == "1 of 2 commits were asked for"


async def test_diff_between_refs_and_to_the_work_tree(call: Call, repo: Path) -> None:
    between = await call("git.diff", {"repo": str(repo), "from_ref": "v1", "to_ref": "HEAD"})
    (repo / "a.txt").write_text("three\n")
    tree = await call("git.diff", {"repo": str(repo), "paths": ["a.txt"]})
    other = await call("git.diff", {"repo": str(repo), "paths": ["b.txt"]})
    cut = await call("git.diff", {"repo": str(repo), "max_bytes": 10})
    assert "-one\n+two\n" in between.data["diff"]
    assert "+three" in tree.data["diff"]
    assert other.data == {"diff": "", "truncated": False, "filtered": [], "notice": None}
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


async def test_a_work_tree_configured_outside_the_limits_is_refused(call: Call, repo: Path) -> None:
    git(repo, "config", "core.worktree", "/etc")
    assert code_of(await call("git.status", {"repo": str(repo)})) == StepErrorCode.PERMISSION_DENIED
