"""git.log, git.authors, git.diff and git.status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import Effects
from engine.contracts.tool import ToolSpec
from engine.tools.builtin.files.paths import path_scope
from engine.tools.builtin.git.changes import read_diff, read_status
from engine.tools.builtin.git.history import read_authors, read_log
from engine.tools.builtin.git.repository import GitRepository
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

    from engine.tools.context import ToolContext
    from engine.tools.process.command_runner import CommandRunner

_REPO = {"type": "string", "minLength": 1, "description": "Absolute path of a directory in a repository."}
_REF = {"type": "string", "minLength": 1, "maxLength": 1000}


def _spec(name: str, description: str, output: dict[str, str], **properties: dict[str, Any]) -> ToolSpec:
    parameters = {
        "type": "object",
        "properties": {"repo": _REPO, **properties},
        "required": ["repo"],
        "additionalProperties": False,
    }
    return ToolSpec(
        name=name,
        description=description,
        parameters=parameters,
        output=output,
        backend="command",
        effects=Effects.NONE,
        sandbox="isolated_if_possible",
    )


_FILTERED = {
    "filtered": "files under a content filter, which are not compared",
    "notice": "words about them, or null",
}
LOG = _spec(
    "git.log",
    "Commits reachable from to_ref and not from from_ref, newest first; a notice tells what is left out.",
    {
        "commits": "`sha`, `parents`, `author`, `email`, `date`, `subject`, `body`, `trailers` of each",
        "total": "commits of the range",
        "notice": "in numbers what was left out, or null",
        "to": "`sha` and `date` of the newest",
        "origin": "where the repository was cloned from, or null",
    },
    from_ref=_REF,
    to_ref=_REF,
    max_count={"type": "integer", "minimum": 1, "maximum": 1_000_000, "description": "All by default."},
    max_body={"type": "integer", "minimum": 0, "maximum": 100_000, "description": "Characters of a body."},
)
AUTHORS = _spec(
    "git.authors",
    "Names and addresses of the authors of a range, with how many commits each wrote.",
    {"authors": "`name`, `email` and `commits` of each, who wrote most first"},
    from_ref=_REF,
    to_ref=_REF,
)
DIFF = _spec(
    "git.diff",
    "Changes between two refs, or between a ref (default HEAD) and the work tree.",
    {"diff": "as git writes it", "truncated": "it is longer than `max_bytes`", **_FILTERED},
    from_ref=_REF,
    to_ref=_REF,
    paths={"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 10_000},
    max_bytes={"type": "integer", "minimum": 1},
)
STATUS = _spec(
    "git.status",
    "The branch, and every path that is changed or not tracked.",
    {
        "branch": "its name, or null",
        "entries": "`path` and git's two letters of each",
        **_FILTERED,
    },
)


def git_tools(runner: CommandRunner) -> Iterator[RegisteredTool]:
    """The git tools."""

    def opened(
        params: dict[str, Any], context: ToolContext, *, work_tree: bool = False
    ) -> AbstractAsyncContextManager[GitRepository]:
        limits = context.limits
        return GitRepository.open(params["repo"], path_scope(limits), runner, limits, work_tree=work_tree)

    async def log(params: dict[str, Any], context: ToolContext) -> Any:
        async with opened(params, context) as repository:
            return await read_log(
                repository,
                params.get("from_ref"),
                params.get("to_ref", "HEAD"),
                params.get("max_count"),
                params.get("max_body", 10_000),
            )

    async def authors(params: dict[str, Any], context: ToolContext) -> Any:
        async with opened(params, context) as repository:
            return await read_authors(repository, params.get("from_ref"), params.get("to_ref", "HEAD"))

    async def diff(params: dict[str, Any], context: ToolContext) -> Any:
        to_ref = params.get("to_ref")
        async with opened(params, context, work_tree=to_ref is None) as repository:
            return await read_diff(
                repository,
                params.get("from_ref"),
                to_ref,
                params.get("paths", []),
                params.get("max_bytes", 1_000_000),
            )

    async def status(params: dict[str, Any], context: ToolContext) -> Any:
        async with opened(params, context, work_tree=True) as repository:
            return await read_status(repository)

    yield RegisteredTool(LOG, log)
    yield RegisteredTool(AUTHORS, authors)
    yield RegisteredTool(DIFF, diff)
    yield RegisteredTool(STATUS, status)
