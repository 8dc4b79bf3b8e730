"""The ways in which a repository names a program that git would start for whoever looks at it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.engine.tools.git.made_repository import git, made_repository

Setup = Callable[[Path, str], None]


def settings(*keys: str, value: str = "{program}") -> Setup:
    def set_up(repo: Path, program: str) -> None:
        for key in keys:
            git(repo, "config", key, value.format(program=program))
        _touched(repo)

    return set_up


def driver(name: str, *keys: str, required: bool = False) -> Setup:
    """A driver of that name, for a file of its own: of two drivers git starts only one for a file."""

    def set_up(repo: Path, program: str) -> None:
        file = repo / f"{name}.txt"
        file.write_text("one\n")
        git(repo, "add", file.name)
        git(repo, "commit", "-qm", name)
        with (repo / ".gitattributes").open("a") as attributes:
            attributes.write(f"{file.name} filter={name} diff={name} merge={name}\n")
        for key in keys:
            git(repo, "config", key.format(name=name), program)
        git(repo, "config", f"filter.{name}.required", str(required).lower())
        file.write_text("changed\n")

    return set_up


def _touched(repo: Path) -> None:
    (repo / "a.txt").write_text("changed\n")


def promised(name: str, url: str, *keys: str) -> Setup:
    """One object is missing, and the settings say which program would bring it from a remote of that name."""

    def set_up(repo: Path, program: str) -> None:
        tree = git(repo, "log", "-1", "--format=%T")
        (repo / ".git" / "objects" / tree[:2] / tree[2:]).unlink(missing_ok=True)
        git(repo, "config", "core.repositoryformatversion", "1")
        git(repo, "config", "extensions.partialClone", name)
        git(repo, "config", f"remote.{name}.promisor", "true")
        git(repo, "config", f"remote.{name}.url", url.format(program=program, repo=repo))
        git(repo, "config", "protocol.ext.allow", "always")
        for key in keys:
            git(repo, "config", key, program)

    return set_up


lazy_fetch = promised("origin", "ext::{program}")


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
    driver("elsewhere", "filter.{name}.clean", "diff.{name}.command")(repo, program)
    (repo / ".gitattributes").rename(repo / "attributes")
    git(repo, "config", "core.attributesFile", str(repo / "attributes"))


def attributes_in_home(repo: Path, program: str) -> None:
    """Git's own default place of attributes, below a home that a caller might set to the repository."""
    (repo / ".config" / "git").mkdir(parents=True)
    (repo / ".config" / "git" / "attributes").write_text("* filter=home\n")
    (repo / ".config" / "git" / "config").write_text(f'[core]\n\tfsmonitor = "{program}"\n')
    (repo / ".gitconfig").write_text(f'[core]\n\tfsmonitor = "{program}"\n')
    git(repo, "config", "filter.home.clean", program)
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


def in_submodule(key: str) -> Setup:
    def set_up(repo: Path, program: str) -> None:
        if not (repo / "sub").exists():
            _add_submodule(repo)
        git(repo / "sub", "config", key, program)
        (repo / "sub" / "a.txt").write_text("twO\n")
        os.utime(repo / "sub" / "a.txt", (1, 1))

    return set_up


def _add_submodule(repo: Path) -> None:
    inner = made_repository(repo.parent / "inner")
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    git(repo, "commit", "-q", "-m", "sub")
    attributes = repo / ".git" / "modules" / "sub" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("* filter=evil diff=evil\n")
    git(repo, "config", "diff.submodule", "diff")
    git(repo, "config", "status.submoduleSummary", "true")
    git(repo, "config", "submodule.sub.ignore", "none")


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


WAYS: dict[str, dict[str, Setup]] = {
    "settings": {
        "filters": driver("filters", "filter.{name}.clean", "filter.{name}.smudge"),
        "a required filter": driver("required", "filter.{name}.clean", required=True),
        "text conversion": driver("conversion", "diff.{name}.textconv"),
        "a diff command": driver("command", "diff.{name}.command"),
        "a merge driver": driver("merge", "merge.{name}.driver"),
        "file system monitor": settings("core.fsmonitor"),
        "pager, editor": settings("core.pager", "pager.log", "pager.diff", "core.editor", "sequence.editor"),
        "an askpass program": settings("core.askPass", "core.gitProxy"),
        "an alternate refs command": settings("core.alternateRefsCommand"),
        "hooks": hooks,
        "attributes in a home": attributes_in_home,
        "aliases": aliases,
        "trailer commands": trailer_commands,
    },
    "settings found elsewhere": {
        "an external diff": settings("diff.external"),
        "attributes elsewhere": attributes_elsewhere,
        "hooks by settings": configured_hooks,
        "included settings": included,
        "signatures": signed,
    },
    "work tree and submodule": {
        "a filter process": driver("process", "filter.{name}.process"),
        "settings of the work tree": of_the_work_tree,
        "a filter of a submodule": in_submodule("filter.evil.clean"),
        "a monitor of a submodule": in_submodule("core.fsmonitor"),
    },
    "lazy fetch": {
        "lazy fetch": lazy_fetch,
        "lazy fetch by ssh": promised("by-ssh", "ssh://example.invalid/x", "core.sshCommand"),
        "lazy fetch by upload-pack": promised("by-path", "{repo}", "remote.by-path.uploadpack"),
        "lazy fetch with credentials": promised("by-http", "http://127.0.0.1:1/x", "credential.helper"),
    },
    "a linked work tree": {"a linked work tree": linked_work_tree},
}
"""By repository: those in one do not hide each other, and each has a program of its own."""

NOT_STARTED_BY_PLAIN_GIT = {
    "a merge driver", "pager, editor", "an askpass program", "an alternate refs command", "aliases",
    "trailer commands", "attributes in a home", "lazy fetch with credentials",
}  # fmt: skip
"""By a look from another home, without a terminal or a server that asks; other versions may do more."""


class Programs:
    """Programs of ways to be started, each of which leaves a mark when it is."""

    def __init__(self, place: Path) -> None:
        self._marks = place / "marks"
        self._place = place / "programs"
        self._place.mkdir()
        self.forget()

    def of(self, way: str) -> str:
        """The path of the program of that way; there is no space in it."""
        program = self._place / way.replace(" ", "-")
        program.write_text(f"#!/bin/sh\ntouch '{self._marks}/{way}'\n")
        program.chmod(0o755)
        return str(program)

    def forget(self) -> None:
        """As if none had been started yet."""
        shutil.rmtree(self._marks, ignore_errors=True)
        self._marks.mkdir()

    @property
    def started(self) -> set[str]:
        """The ways whose program was started."""
        return {mark.name for mark in self._marks.iterdir()}


def hostile_repository(repo: Path, ways: Mapping[str, Setup]) -> Programs:
    """Make it name the programs of all those ways. Making it may start some, which is forgotten."""
    programs = Programs(repo.parent)
    for way, set_up in ways.items():
        set_up(repo, programs.of(way))
    programs.forget()
    return programs
