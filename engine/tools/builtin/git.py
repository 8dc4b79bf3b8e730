"""git.log, git.diff and git.status, through the command runner and with the repository's own hooks off."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.contracts.model import rfc3339
from engine.contracts.status import StepErrorCode
from engine.contracts.tool import ToolSpec
from engine.tools.builtin.command import command_failed
from engine.tools.builtin.paths import PathScope, path_scope
from engine.tools.failure import ToolFailure, invalid_input, not_found
from engine.tools.process.threads import run_stoppable
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.tools.context import ToolContext, ToolLimits
    from engine.tools.process.command_runner import CommandOutcome, CommandRunner

_REPO = {"type": "string", "minLength": 1, "description": "Absolute path of a work tree."}
_REF = {"type": "string", "minLength": 1, "maxLength": 1000}

LOG = ToolSpec(
    name="git.log",
    description="Commits reachable from to_ref and not from from_ref, newest first.",
    parameters={
        "type": "object",
        "properties": {
            "repo": _REPO,
            "from_ref": _REF,
            "to_ref": _REF,
            "max_count": {"type": "integer", "minimum": 1, "maximum": 100_000},
        },
        "required": ["repo"],
        "additionalProperties": False,
    },
    backend="command",
)
DIFF = ToolSpec(
    name="git.diff",
    description="Changes between two refs, or between a ref (default HEAD) and the work tree.",
    parameters={
        "type": "object",
        "properties": {
            "repo": _REPO,
            "from_ref": _REF,
            "to_ref": _REF,
            "paths": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 10_000},
            "max_bytes": {"type": "integer", "minimum": 1},
        },
        "required": ["repo"],
        "additionalProperties": False,
    },
    backend="command",
)
STATUS = ToolSpec(
    name="git.status",
    description="The branch, and every path that is changed or not tracked.",
    parameters={
        "type": "object",
        "properties": {"repo": _REPO},
        "required": ["repo"],
        "additionalProperties": False,
    },
    backend="command",
)

# what a repository's own configuration could start is switched off; pack windows stay under the memory limit
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=",
    "core.pager=cat",
    "core.packedGitWindowSize=32m",
    "core.packedGitLimit=256m",
    "diff.external=",
    "log.showSignature=false",
    "color.ui=never",
    "core.quotePath=false",
)
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_LITERAL_PATHSPECS": "1",
    "LC_ALL": "C.UTF-8",
}
_FIELDS = "%H%x00%an%x00%aI%x00%s%x00%b"


class GitRepository:
    """One work tree the operator's limits allow."""

    def __init__(
        self, directory: Path, shown: str, scope: PathScope, runner: CommandRunner, limits: ToolLimits
    ) -> None:
        self._directory = directory
        self._shown = shown
        self._scope = scope
        self._runner = runner
        self._limits = limits
        self._environment = dict(_ENVIRONMENT)

    async def git(self, *arguments: str) -> CommandOutcome:
        """Run git in the work tree."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        safe = ("-c", f"safe.directory={self._directory}")
        return await self._runner.run(
            ["git", *settings, *safe, "--no-pager", *arguments],
            self._directory,
            limits=self._limits,
            env_extra=self._environment,
        )

    async def open(self, *, work_tree: bool = False) -> None:
        """Make sure that what git will read is where tools may read.

        A repository is found upwards, and its configuration may name a git directory or a work tree
        anywhere. Raises ToolFailure: not_found (no repository here), permission_denied.
        """
        await self._require_place("--absolute-git-dir", "is not a git repository")
        if work_tree:
            await self._require_place("--show-toplevel", "has no work tree")
            await self._switch_filters_off()

    async def _require_place(self, question: str, missing: str) -> None:
        found = await self.git("rev-parse", question)
        if found.returncode != 0:
            raise not_found(f"{self._shown!r} {missing}")
        place = Path(os.fsdecode(found.stdout.removesuffix(b"\n")))
        await asyncio.to_thread(lambda: self._scope.require(place.resolve(), str(place)))

    async def _switch_filters_off(self) -> None:
        """Content filters are commands that a repository's configuration names and a comparison starts."""
        found = await self.git("config", "-z", "--name-only", "--get-regexp", r"^filter\..*")
        keys = [os.fsdecode(key) for key in found.stdout.split(b"\0") if key]
        self._environment["GIT_CONFIG_COUNT"] = str(len(keys))
        for index, key in enumerate(keys):
            value = "false" if key.endswith(".required") else ""
            self._environment |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}

    async def commit(self, ref: str) -> str:
        """The full id of the commit `ref` names. Raises ToolFailure: invalid_input, not_found."""
        if ref.startswith("-") or any(ord(character) < 32 or ord(character) == 127 for character in ref):
            raise invalid_input(f"{ref!r} is not a ref: it starts with `-` or holds control characters")
        found = await self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        if found.returncode != 0:
            raise not_found(f"there is no ref {ref!r} in {self._shown!r}", {"ref": ref})
        return found.stdout.decode("ascii").strip()

    async def log(self, from_ref: str | None, to_ref: str, max_count: int) -> dict[str, Any]:
        """Commits, newest first."""
        await self.open()
        last = await self.commit(to_ref)
        span = f"{await self.commit(from_ref)}..{last}" if from_ref is not None else last
        outcome = await self._read("log", "-z", f"--format={_FIELDS}", f"--max-count={max_count}", span, "--")
        # five fields a commit, and -z ends each commit with the same NUL that separates fields
        fields = outcome.stdout.decode("utf-8", "replace").removesuffix("\0").split("\0")
        if len(fields) == 1:
            return {"commits": []}
        return {"commits": [_commit(fields[index : index + 5]) for index in range(0, len(fields), 5)]}

    async def diff(
        self, from_ref: str | None, to_ref: str | None, paths: Sequence[str], max_bytes: int
    ) -> dict[str, Any]:
        """A unified diff."""
        await self.open(work_tree=to_ref is None)
        refs = [await self.commit(from_ref or "HEAD")]
        if to_ref is not None:
            refs.append(await self.commit(to_ref))
        outcome = await self.git("diff", "--no-ext-diff", "--no-textconv", *refs, "--", *paths)
        if outcome.returncode != 0:
            raise command_failed("git diff", outcome)
        text = outcome.stdout[:max_bytes].decode("utf-8", "replace")
        return {"diff": text, "truncated": outcome.truncated or len(outcome.stdout) > max_bytes}

    async def status(self) -> dict[str, Any]:
        """The branch (None when detached) and entries with git's two status letters, spaces trimmed."""
        await self.open(work_tree=True)
        outcome = await self._read("status", "--porcelain=v1", "-z", "--untracked-files=all")
        branch = await self.git("symbolic-ref", "--quiet", "--short", "HEAD")
        name = branch.stdout.decode("utf-8", "replace").strip() if branch.returncode == 0 else None
        return {"branch": name, "entries": list(_entries(outcome.stdout.decode("utf-8", "replace")))}

    async def _read(self, *arguments: str) -> CommandOutcome:
        outcome = await self.git(*arguments)
        if outcome.returncode != 0:
            raise command_failed(f"git {arguments[0]}", outcome)
        if outcome.truncated:
            raise ToolFailure(
                StepErrorCode.CONTRACT_VIOLATION,
                f"git {arguments[0]} wrote more than the limit of {self._limits.max_output_bytes} bytes; "
                "ask for less",
            )
        return outcome


def _commit(fields: Sequence[str]) -> dict[str, str]:
    sha, author, date, subject, body = fields
    return {
        "sha": sha,
        "author": author,
        "date": rfc3339(datetime.fromisoformat(date)),
        "subject": subject,
        "body": body.strip("\n"),
    }


def _entries(porcelain: str) -> Iterator[dict[str, str]]:
    records = iter(porcelain.split("\0"))
    for record in records:
        if not record:
            continue
        status, path = record[:2], record[3:]
        entry = {"path": path, "status": status.strip()}
        if "R" in status or "C" in status:
            entry["from"] = next(records, "")  # a rename's old name is a record of its own
        yield entry


def git_tools(runner: CommandRunner) -> Iterator[RegisteredTool]:
    """The git tools."""

    async def opened(params: dict[str, Any], limits: ToolLimits) -> GitRepository:
        scope = path_scope(limits)
        directory = await run_stoppable(lambda _stop: scope.root(params["repo"]))
        return GitRepository(directory, params["repo"], scope, runner, limits)

    async def log(params: dict[str, Any], context: ToolContext) -> Any:
        repository = await opened(params, context.limits)
        return await repository.log(
            params.get("from_ref"), params.get("to_ref", "HEAD"), params.get("max_count", 1000)
        )

    async def diff(params: dict[str, Any], context: ToolContext) -> Any:
        repository = await opened(params, context.limits)
        return await repository.diff(
            params.get("from_ref"),
            params.get("to_ref"),
            params.get("paths", []),
            params.get("max_bytes", 1_000_000),
        )

    async def status(params: dict[str, Any], context: ToolContext) -> Any:
        return await (await opened(params, context.limits)).status()

    yield RegisteredTool(LOG, log)
    yield RegisteredTool(DIFF, diff)
    yield RegisteredTool(STATUS, status)
