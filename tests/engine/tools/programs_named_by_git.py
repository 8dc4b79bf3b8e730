"""The ways in which a repository names a program that git would start for whoever looks at it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.engine.tools.made_repository import git, made_repository

Setup = Callable[[Path, str], None]


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
