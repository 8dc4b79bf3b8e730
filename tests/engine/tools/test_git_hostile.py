"""Repositories that name programs, and those that lie about what they are: nothing of theirs runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.contracts.status import StepErrorCode
from engine.contracts.tool import ToolResult
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from tests.engine.tools.made_repository import git, made_repository

Call = Callable[..., Awaitable[ToolResult]]
Setup = Callable[[Path, str], None]
READINGS = ("git.status", "git.diff", "git.log", "git.authors")


@pytest.fixture
def repo(root: Path) -> Path:
    return made_repository(root)


async def read_all(call: Call, repo: Path) -> dict[str, ToolResult]:
    found = {tool: await call(tool, {"repo": str(repo)}) for tool in READINGS}
    found["span"] = await call("git.diff", {"repo": str(repo), "from_ref": "v1", "to_ref": "HEAD"})
    return found


def settings(*keys: str, value: str = "{program}") -> Setup:
    def set_up(repo: Path, program: str) -> None:
        (repo / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
        for key in keys:
            git(repo, "config", key, value.format(program=program))
        (repo / "a.txt").write_text("changed\n")

    return set_up


def _touched(repo: Path) -> None:
    (repo / "a.txt").write_text("changed\n")


def lazy_fetch(repo: Path, program: str) -> None:
    """One object is missing, and the settings say which program would bring it."""
    tree = git(repo, "rev-parse", "HEAD^{tree}")
    (repo / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    git(repo, "config", "core.repositoryformatversion", "1")
    git(repo, "config", "extensions.partialClone", "origin")
    git(repo, "config", "remote.origin.promisor", "true")
    git(repo, "config", "remote.origin.url", f"ext::{program}")
    git(repo, "config", "protocol.ext.allow", "always")


def lazy_fetch_by_ssh(repo: Path, program: str) -> None:
    lazy_fetch(repo, program)
    git(repo, "config", "remote.origin.url", "ssh://example.invalid/x")
    git(repo, "config", "core.sshCommand", program)


def lazy_fetch_by_upload_pack(repo: Path, program: str) -> None:
    lazy_fetch(repo, program)
    git(repo, "config", "remote.origin.url", str(repo))
    git(repo, "config", "remote.origin.uploadpack", program)


def lazy_fetch_with_credentials(repo: Path, program: str) -> None:
    lazy_fetch(repo, program)
    git(repo, "config", "remote.origin.url", "http://127.0.0.1:1/x")
    git(repo, "config", "credential.helper", f"!{program}")


def hooks(repo: Path, program: str) -> None:
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction", "pre-auto-gc"):
        hook = repo / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{program}\n")
        hook.chmod(0o755)
    os.utime(repo / "a.txt", (1, 1))


def included(repo: Path, program: str) -> None:
    (repo / "more").write_text(f'[core]\n\tfsmonitor = "{program}"\n')
    git(repo, "config", "includeIf.gitdir:/.path", str(repo / "more"))
    git(repo, "config", "include.path", str(repo / "more"))
    _touched(repo)


def of_the_work_tree(repo: Path, program: str) -> None:
    git(repo, "config", "extensions.worktreeConfig", "true")
    (repo / ".git" / "config.worktree").write_text(f'[core]\n\tfsmonitor = "{program}"\n')
    _touched(repo)


def attributes_elsewhere(repo: Path, program: str) -> None:
    (repo / "attributes").write_text("* filter=evil diff=evil\n")
    git(repo, "config", "core.attributesFile", str(repo / "attributes"))
    git(repo, "config", "filter.evil.clean", program)
    git(repo, "config", "diff.evil.command", program)
    _touched(repo)


def attributes_in_home(repo: Path, program: str) -> None:
    """Git's own default place of attributes, below a home that a caller might set to the repository."""
    (repo / ".config" / "git").mkdir(parents=True)
    (repo / ".config" / "git" / "attributes").write_text("* filter=evil\n")
    (repo / ".config" / "git" / "config").write_text(f'[core]\n\tfsmonitor = "{program}"\n')
    (repo / ".gitconfig").write_text(f'[core]\n\tfsmonitor = "{program}"\n')
    git(repo, "config", "filter.evil.clean", program)
    _touched(repo)


def aliases(repo: Path, program: str) -> None:
    for name in ("log", "status", "diff", "shortlog", "rev-parse", "config"):
        git(repo, "config", f"alias.{name}", f"!{program}")


def signed(repo: Path, program: str) -> None:
    git(repo, "config", "log.showSignature", "true")
    git(repo, "config", "gpg.program", program)
    git(repo, "config", "gpg.ssh.program", program)
    tree = git(repo, "rev-parse", "HEAD^{tree}")
    who = "A <a@example.invalid> 1700000000 +0000"
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    text = f"tree {tree}\nauthor {who}\ncommitter {who}\n{signature}\n\nsigned\n"
    commit = git(repo, "hash-object", "-t", "commit", "-w", "--stdin", stdin=text.encode())
    git(repo, "update-ref", "refs/heads/trunk", commit)


def submodule(repo: Path, program: str, key: str = "filter.evil.clean") -> None:
    inner = made_repository(repo.parent / "inner")
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    git(repo, "commit", "-q", "-m", "sub")
    attributes = repo / ".git" / "modules" / "sub" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("* filter=evil diff=evil\n")
    git(repo / "sub", "config", key, program)
    git(repo, "config", "diff.submodule", "diff")
    git(repo, "config", "status.submoduleSummary", "true")
    git(repo, "config", "submodule.sub.ignore", "none")
    (repo / "sub" / "a.txt").write_text("twO\n")
    os.utime(repo / "sub" / "a.txt", (1, 1))


def submodule_monitor(repo: Path, program: str) -> None:
    submodule(repo, program, "core.fsmonitor")


def linked_work_tree(repo: Path, program: str) -> None:
    """What was asked for is not a work tree of its own but one linked to a hostile repository."""
    hostile = made_repository(repo.parent / "hostile")
    git(hostile, "config", "core.fsmonitor", program)
    git(hostile, "worktree", "add", "-q", str(repo.parent / "linked"))
    for entry in (repo / ".git").rglob("*"):
        entry.chmod(0o755)
    subprocess.run(["rm", "-r", str(repo / ".git")], check=True)
    (repo / ".git").write_text((repo.parent / "linked" / ".git").read_text())
    _touched(repo)


def trailer_commands(repo: Path, program: str) -> None:
    git(repo, "config", "trailer.sign.command", program)
    git(repo, "config", "trailer.sign.key", "Signed-off-by: ")
    git(repo, "config", "format.pretty", "%(trailers)")


def configured_hooks(repo: Path, program: str) -> None:
    git(repo, "config", "hook.evil.command", program)
    git(repo, "config", "hook.evil.event", "post-index-change")
    hooks(repo, program)
    git(repo, "config", "core.hooksPath", str(repo / ".git" / "hooks"))


WAYS: dict[str, Setup] = {
    "filters": settings("filter.evil.clean", "filter.evil.smudge"),
    "a filter process": settings("filter.evil.process"),
    "a required filter": settings("filter.evil.clean", "filter.evil.required"),
    "text conversion": settings("diff.evil.textconv"),
    "a diff command": settings("diff.evil.command"),
    "an external diff": settings("diff.external"),
    "a merge driver": settings("merge.evil.driver"),
    "file system monitor": settings("core.fsmonitor"),
    "pager, editor": settings("core.pager", "pager.log", "pager.diff", "core.editor", "sequence.editor"),
    "an askpass program": settings("core.askPass", "core.gitProxy"),
    "an alternate refs command": settings("core.alternateRefsCommand"),
    "hooks": hooks,
    "hooks by settings": configured_hooks,
    "included settings": included,
    "settings of the work tree": of_the_work_tree,
    "attributes elsewhere": attributes_elsewhere,
    "attributes in a home": attributes_in_home,
    "aliases": aliases,
    "signatures": signed,
    "trailer commands": trailer_commands,
    "lazy fetch": lazy_fetch,
    "lazy fetch by ssh": lazy_fetch_by_ssh,
    "lazy fetch by upload-pack": lazy_fetch_by_upload_pack,
    "lazy fetch with credentials": lazy_fetch_with_credentials,
    "a filter of a submodule": submodule,
    "a monitor of a submodule": submodule_monitor,
    "a linked work tree": linked_work_tree,
}
STARTED_BY_PLAIN_GIT = {
    "filters", "text conversion", "a diff command", "an external diff", "file system monitor", "hooks",
    "included settings", "settings of the work tree", "attributes elsewhere", "signatures", "lazy fetch",
    "lazy fetch by ssh", "a filter of a submodule", "a linked work tree",
}  # fmt: skip


def program_of(repo: Path) -> tuple[str, Path]:
    """A program that leaves a mark when it is started, and the mark."""
    mark = repo.parent / "started"
    program = repo.parent / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    return str(program), mark


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_a_repository_names_is_started(call: Call, repo: Path, way: str) -> None:
    program, mark = program_of(repo)
    WAYS[way](repo, program)
    mark.unlink(missing_ok=True)  # making the repository may have started it
    found = await read_all(call, repo)
    assert not mark.exists()
    if "lazy" not in way:
        assert [tool for tool, result in found.items() if not result.ok] == []


@pytest.mark.parametrize("way", sorted(STARTED_BY_PLAIN_GIT))
def test_plain_git_would_start_it(repo: Path, way: str) -> None:
    """The ways above are ways: without this, a test that starts nothing would prove nothing."""
    program, mark = program_of(repo)
    WAYS[way](repo, program)
    mark.unlink(missing_ok=True)
    for command in (["status"], ["diff", "HEAD"], ["log", "--stat"]):
        subprocess.run(
            ["git", *command],
            cwd=repo,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
    assert mark.exists()


async def test_what_is_missing_is_said_and_not_fetched(call: Call, repo: Path) -> None:
    lazy_fetch(repo, "false")
    result = await call("git.diff", {"repo": str(repo), "from_ref": "v1", "to_ref": "HEAD"})
    assert result.error is not None
    assert "nothing that is missing is fetched" in result.error.message


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


@pytest.mark.parametrize(
    "lead",
    [
        elsewhere_by_pointer, elsewhere_by_alternates, elsewhere_by_quoted_alternates, elsewhere_by_link,
        elsewhere_by_commondir, elsewhere_by_config,
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


@pytest.mark.parametrize("name", ["HEAD", "index", "packed-refs"])
async def test_a_pipe_in_place_of_a_file_holds_nobody_up(call: Call, repo: Path, name: str) -> None:
    (repo / ".git" / name).unlink(missing_ok=True)
    os.mkfifo(repo / ".git" / name)
    result = await call("git.status", {"repo": str(repo)}, timeout=20)
    assert result.error is not None
    assert result.error.code == StepErrorCode.INVALID_INPUT
