"""Running git on a repository that may be hostile."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contracts.status import StepErrorCode
from engine.threads import finish, run_stoppable
from engine.tools.builtin.command import command_failed
from engine.tools.builtin.git.place import GitPlace, find_place
from engine.tools.builtin.git.shadow import build_shadow
from engine.tools.failure import ToolFailure, invalid_input, not_found
from engine.tools.sandbox.confining import only

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from engine.tools.builtin.files.paths import PathScope
    from engine.tools.context import ToolLimits
    from engine.tools.process.command_runner import CommandOutcome, CommandRunner

# the repository's configuration is not read at all (see shadow.py); these hold against git's own defaults,
# and pack windows stay under the memory limit
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.commitGraph=false",
    "core.packedGitWindowSize=32m",
    "core.packedGitLimit=256m",
    "core.quotePath=false",
    "diff.ignoreSubmodules=dirty",
    "submodule.recurse=false",
)
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_PAGER": "cat",
    "LC_ALL": "C.UTF-8",
}


@dataclass(frozen=True, slots=True)
class GitRepository:
    """An opened repository. Its settings are data here; git does not see them."""

    shown: str
    directory: Path
    limits: ToolLimits
    runner: CommandRunner
    environment: Mapping[str, str]
    settings: Mapping[str, str]

    @classmethod
    @asynccontextmanager
    async def open(
        cls, shown: str, scope: PathScope, runner: CommandRunner, limits: ToolLimits, *, work_tree: bool
    ) -> AsyncIterator[GitRepository]:
        """The repository at `shown`, an absolute path; with `work_tree` it has to have one.

        Raises ToolFailure: not_found (no repository, no work tree), permission_denied, invalid_input.
        """
        directory = await run_stoppable(lambda _stop: scope.root(shown))
        place = await run_stoppable(lambda _stop: find_place(directory, shown, scope))
        shadow = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="vasini-git-"))
        try:
            # a home of its own: git also reads attributes and ignored names below HOME
            environment = {**_ENVIRONMENT, "GIT_DIR": str(shadow), "HOME": str(shadow)}
            bare = cls(shown, directory, limits, runner, environment, {})
            settings = await bare.read_settings(place, shadow, scope)
            place = replace(place, work_tree=_work_tree(place, settings, scope))
            if place.work_tree is not None:
                environment["GIT_WORK_TREE"] = str(place.work_tree)
            elif work_tree:
                raise not_found(f"{shown!r} has no work tree")
            linked = await run_stoppable(lambda _stop: build_shadow(shadow, place, settings, scope))
            seen = (directory, *place.objects, *linked, *([place.work_tree] if place.work_tree else []))
            yield replace(bare, settings=settings, limits=only(limits, reads=seen, writes=(shadow,)))
        finally:
            await finish(asyncio.to_thread(shutil.rmtree, shadow, ignore_errors=True))

    async def read_settings(self, place: GitPlace, empty: Path, scope: PathScope) -> dict[str, str]:
        """The repository's settings as text, keys in lower case, without what they include."""
        found: dict[str, str] = {}
        files = [place.common_dir / "config"]
        while files:
            file = await asyncio.to_thread(files.pop().resolve)
            scope.require(file, str(file))
            if not await asyncio.to_thread(file.is_file):
                continue
            # run where no repository is, so that none is looked for
            listing = ["config", "--file", str(file), "--no-includes", "-z", "--list"]
            alone = replace(self, limits=only(self.limits, reads=(file,), writes=(empty,)))
            outcome = await alone.git(*listing, directory=empty)
            if outcome.returncode != 0 or outcome.truncated:
                raise invalid_input(f"the settings of {self.shown!r} cannot be read: {_last_line(outcome)}")
            for entry in os.fsdecode(outcome.stdout).split("\0"):
                key, has_value, value = entry.partition("\n")
                found[key.lower()] = value if has_value else "true"
            if found.pop("extensions.worktreeconfig", "false") == "true":
                files.append(place.git_dir / "config.worktree")
        return found

    async def git(self, *arguments: str, stdin: bytes = b"", directory: Path | None = None) -> CommandOutcome:
        """Run git in the repository."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        return await self.runner.run(
            ["git", *settings, "--no-pager", *arguments],
            directory or self.directory,
            limits=self.limits,
            stdin=stdin,
            env_extra=self.environment,
        )

    async def read(self, *arguments: str, stdin: bytes = b"") -> CommandOutcome:
        """The whole answer of git. Raises ToolFailure when it fails, or writes more than the limit."""
        outcome = await self.git(*arguments, stdin=stdin)
        if outcome.returncode != 0:
            raise command_failed(f"git {arguments[0]}", outcome)
        if outcome.truncated:
            raise ToolFailure(
                StepErrorCode.CONTRACT_VIOLATION,
                f"git {arguments[0]} wrote more than the limit of {self.limits.max_output_bytes} bytes; "
                "ask for less",
            )
        return outcome

    async def commit(self, ref: str) -> str:
        """The full id of the commit `ref` names. Raises ToolFailure: invalid_input, not_found."""
        if ref.startswith("-") or any(ord(character) < 32 or ord(character) == 127 for character in ref):
            raise invalid_input(f"{ref!r} is not a ref: it starts with `-` or holds control characters")
        found = await self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        if found.returncode != 0:
            raise not_found(f"there is no ref {ref!r} in {self.shown!r}", {"ref": ref})
        return found.stdout.decode("ascii").strip()


def _work_tree(place: GitPlace, settings: Mapping[str, str], scope: PathScope) -> Path | None:
    """Where the files are: `core.worktree` may name another directory than the one that holds `.git`."""
    named = settings.get("core.worktree")
    if settings.get("core.bare") == "true" and not place.linked:
        return None
    if named is None or place.linked:
        return place.work_tree
    real = (place.git_dir / named).resolve()
    scope.require(real, named)
    return real


def _last_line(outcome: CommandOutcome) -> str:
    lines = outcome.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"git ended with {outcome.returncode}"
