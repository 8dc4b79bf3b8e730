"""Whole ranges of a history, whatever the commits hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.tools.builtin.all import builtin_registry
from engine.tools.builtin.git.git_tools import git_tools
from engine.tools.context import ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.process.command_runner import CommandRunner
from engine.tools.registry import ToolRegistry
from tests.engine.tools.git.made_repository import git, made_repository

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.tools.process.command_runner import CommandOutcome
    from tests.engine.tools.conftest import Call


@pytest.fixture
def repo(root: Path) -> Path:
    return made_repository(root)


def long_history(repo: Path, count: int, body: str = "") -> None:
    """`count` commits after v1 on the branch `long`."""
    lines = ["reset refs/heads/long", "from refs/heads/trunk^0"]
    for number in range(count):
        message = f"fix: number {number}\n\n{body}\n"
        lines += [
            "commit refs/heads/long",
            f"committer Ada <ada@example.org> {1_700_000_000 + number} +0000",
            f"data {len(message)}",
            message,
        ]
    git(repo, "fast-import", "--quiet", stdin="\n".join(lines).encode())


def raw_commit(repo: Path, message: bytes, zone: bytes = b"+0000", seconds: bytes = b"1315449530") -> None:
    who = b"A <a@example.invalid> " + seconds + b" " + zone
    tree, parent = (git(repo, "rev-parse", name).encode() for name in ("HEAD^{tree}", "HEAD"))
    text = b"tree %s\nparent %s\nauthor %s\ncommitter %s\n\n%s" % (tree, parent, who, who, message)
    commit = git(repo, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=text)
    git(repo, "update-ref", "refs/heads/trunk", commit)


async def test_thousands_of_commits_are_given_whole(call: Call, repo: Path) -> None:
    long_history(repo, 5_000, body="why it was done, in a line or two\n" * 3)
    result = await call("git.log", {"repo": str(repo), "from_ref": "trunk", "to_ref": "long"})
    assert result.error is None
    subjects = [commit["subject"] for commit in result.data["commits"]]
    assert subjects == [f"fix: number {number}" for number in reversed(range(5_000))]
    assert (result.data["total"], result.data["notice"]) == (5_000, None)


async def test_bodies_give_way_before_commits_do_and_a_notice_says_so(
    context: ToolContext, repo: Path
) -> None:
    long_history(repo, 500, body="word " * 400)
    limits = ToolLimits(max_output_bytes=400_000)
    executor = ToolExecutor(builtin_registry(), limits)
    result = await executor.call("git.log", {"repo": str(repo), "to_ref": "long"}, context)
    assert len(result.data["commits"]) == 502
    assert result.data["notice"] == "bodies were cut at 300 characters so that all 502 commits fit"
    assert result.data["commits"][0]["body_cut"] is True


async def test_a_range_that_does_not_fit_says_how_much_was_left_out(context: ToolContext, repo: Path) -> None:
    long_history(repo, 1000)
    limits = ToolLimits(max_output_bytes=200_000)
    executor = ToolExecutor(builtin_registry(), limits)
    data = (await executor.call("git.log", {"repo": str(repo), "to_ref": "long"}, context)).data
    kept = len(data["commits"])
    assert 0 < kept < 1002
    assert data["notice"].startswith(f"{kept:,} of 1,002 commits fit in")
    assert data["notice"].endswith(f"the oldest {1002 - kept:,} were left out")


class WatchedRunner(CommandRunner):
    """Remembers what was started."""

    def __init__(self) -> None:
        self.started: list[Sequence[str]] = []

    async def run(self, argv: Sequence[str], cwd: Path, **given: Any) -> CommandOutcome:
        self.started.append(argv)
        return await super().run(argv, cwd, **given)


async def test_of_a_long_history_no_more_is_read_than_fits(context: ToolContext, repo: Path) -> None:
    """Each page counts all commits before it again: a million of them were never read to their end."""
    long_history(repo, 4_000)
    runner = WatchedRunner()
    executor = ToolExecutor(ToolRegistry(git_tools(runner)), ToolLimits(max_output_bytes=200_000))
    data = (await executor.call("git.log", {"repo": str(repo), "to_ref": "long"}, context)).data
    kept = len(data["commits"])
    assert (data["total"], data["commits"][0]["subject"]) == (4_002, "fix: number 3999")
    assert data["notice"] == (
        f"{kept:,} of 4,002 commits fit in {200_000 - 65_536:,} bytes: "
        f"the oldest {4_002 - kept:,} were left out"
    )
    skipped = [int(word[7:]) for argv in runner.started for word in argv if word.startswith("--skip=")]
    assert max(skipped) < 2 * kept


@pytest.mark.parametrize(
    ("zone", "seconds", "date"),
    [
        (b"+051800", b"1315449530", "2011-09-08T02:38:50.000000Z"),
        (b"-9999", b"1315449530", "2011-09-08T02:38:50.000000Z"),
        (b"+0000", b"0", "1970-01-01T00:00:00.000000Z"),
        (b"+0000", b"99999999999999", None),
    ],
)
async def test_odd_times_fail_nothing(
    call: Call, repo: Path, zone: bytes, seconds: bytes, date: str | None
) -> None:
    raw_commit(repo, b"fix: b\n", zone, seconds)
    result = await call("git.log", {"repo": str(repo), "from_ref": "v1"})
    assert next(commit["date"] for commit in result.data["commits"]) == date


async def test_messages_that_are_not_utf8_and_empty_ones(call: Call, repo: Path) -> None:
    raw_commit(repo, b"caf\xe9\n")
    raw_commit(repo, b"")
    result = await call("git.log", {"repo": str(repo), "max_count": 2})
    assert [commit["subject"] for commit in result.data["commits"]] == ["", "caf\ufffd"]


async def test_trailers_are_read_from_the_last_paragraph(call: Call, repo: Path) -> None:
    body = """Note: this is prose and not a trailer
since it goes on.

BREAKING CHANGE: the old journal is not read
any more.

Reviewed-by: Bo <bo@example.org>
Co-authored-by: Cy <cy@example.org>
Fixes #12
"""
    git(repo, "commit", "--allow-empty", "-qm", f"feat: x\n\n{body}")
    (commit,) = (await call("git.log", {"repo": str(repo), "max_count": 1})).data["commits"]
    assert commit["trailers"] == [
        {"key": "BREAKING CHANGE", "value": "the old journal is not read any more."},
        {"key": "Reviewed-by", "value": "Bo <bo@example.org>"},
        {"key": "Co-authored-by", "value": "Cy <cy@example.org>"},
        {"key": "Fixes", "value": "12"},
    ]


async def test_origin_is_told_without_its_credentials(call: Call, repo: Path) -> None:
    git(repo, "config", "remote.origin.url", "https://ana:token@example.org/a/b.git")
    data = (await call("git.log", {"repo": str(repo)})).data
    assert data["origin"] == "https://example.org/a/b.git"
    assert data["to"] == {"sha": git(repo, "rev-parse", "HEAD"), "date": "2024-05-01T08:00:00.000000Z"}


async def test_authors_are_counted(call: Call, repo: Path) -> None:
    raw_commit(repo, b"x\n")
    all_of_them = await call("git.authors", {"repo": str(repo)})
    some = await call("git.authors", {"repo": str(repo), "from_ref": "v1", "to_ref": "trunk~1"})
    assert all_of_them.data["authors"] == [
        {"name": "Ada Löve", "email": "ada@example.org", "commits": 2},
        {"name": "A", "email": "a@example.invalid", "commits": 1},
    ]
    assert [author["commits"] for author in some.data["authors"]] == [1]


async def test_an_author_whose_name_has_other_line_ends_is_counted(call: Call, repo: Path) -> None:
    author = "Eve \u2028\x85\x0b\x1c Mallory"
    git(repo, "commit", "-q", "--allow-empty", "-m", "x", f"--author={author} <eve@example.org>")
    authors = (await call("git.authors", {"repo": str(repo)})).data["authors"]
    assert {"name": author, "email": "eve@example.org", "commits": 1} in authors
