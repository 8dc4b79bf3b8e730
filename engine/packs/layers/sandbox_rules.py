"""Rules of a tools layer: names that exist, and bounds that mean something."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from engine.governance.policies import tool_key
from engine.packs.checks.schemas.schema_problems import close_match, problem_at, shortened, shown
from engine.packs.checks.schemas.tool_back_ends import works_in_process
from engine.packs.checks.schemas.tool_names import is_known
from engine.templates import TemplateError, compile_template, has_template

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from engine.contracts.layers.tools import Tools, ToolSandbox
    from engine.contracts.packs.pack import Problem
    from engine.packs.source.yaml_source import Document, SourcePath


def tools_problems(
    tools: Tools, document: Document, names: Collection[str] | None, own: str
) -> Iterator[Problem]:
    """Faults of a tools layer; `names` None leaves tool names unchecked, `own` begins those of the pack."""
    first: dict[str, int] = {}
    denied = set(map(tool_key, tools.denied))
    for index, tool in enumerate(tools.available):
        path: SourcePath = ("available", index, "id")
        key = tool_key(tool.id)
        if key in first:
            line = document.place(("available", first[key])).line
            message = f"the tool `{shortened(tool.id)}` is here twice (first on line {line})"
            yield problem_at(document, path, message, found=shown(tool.id))
        elif key in denied:
            message = f"the tool `{shortened(tool.id)}` is both available and denied"
            yield problem_at(document, path, message, found=shown(tool.id))
        first.setdefault(key, index)
        yield from unknown_tool(document, path, tool.id, names)
        yield from _sandbox(document, ("available", index, "sandbox"), tool.sandbox)
        if tool.sandbox.level != "process":
            yield from _level(document, ("available", index, "sandbox"), key, tool.sandbox)
        for name in ("effects", "idempotent"):
            if getattr(tool, name) is not None and not key.startswith(own):
                message = f"`{shortened(tool.id)}` says itself what it does; a pack speaks for its own tools"
                yield problem_at(document, ("available", index, name), message)
    for index, name in enumerate(tools.denied):
        yield from unknown_tool(document, ("denied", index), name, names)


def unknown_tool(
    document: Document, path: SourcePath, tool: str, names: Collection[str] | None
) -> Iterator[Problem]:
    """A problem for a name that no tool has."""
    if names is not None and not is_known(tool_key(tool), names):
        message = f"unknown tool `{shortened(tool)}`{close_match(tool, names)}"
        yield problem_at(document, path, message, found=shown(tool))


def _sandbox(document: Document, path: SourcePath, sandbox: ToolSandbox) -> Iterator[Problem]:
    for index, host in enumerate(sandbox.egress_allowlist):
        if "*" in host or not host.strip() or "/" in host:
            message = f"`{shortened(host)}` is no host: hosts are named one by one, such as `api.example.org`"
            yield problem_at(document, (*path, "egress_allowlist", index), message, found=shown(host))
    if sandbox.egress_allowlist and sandbox.network != "egress_allowlist":
        message = f"hosts are listed, but the network is `{sandbox.network}`: say `egress_allowlist`"
        yield problem_at(document, (*path, "egress_allowlist"), message)
    if sandbox.network == "egress_allowlist" and not sandbox.egress_allowlist:
        yield problem_at(
            document, (*path, "network"), "the network is `egress_allowlist`, but no host is listed"
        )
    if sandbox.filesystem == "scoped" and not sandbox.scoped_paths:
        yield problem_at(document, (*path, "filesystem"), "files are `scoped`, but no path is given")
    if sandbox.scoped_paths and sandbox.filesystem != "scoped":
        message = f"paths are given, but files are `{sandbox.filesystem}`: say `scoped`"
        yield problem_at(document, (*path, "scoped_paths"), message)
    for index, scoped in enumerate(sandbox.scoped_paths):
        fault = _path_fault(scoped)
        if fault is not None:
            yield problem_at(document, (*path, "scoped_paths", index), fault, found=shown(scoped))


def _level(document: Document, path: SourcePath, tool: str, sandbox: ToolSandbox) -> Iterator[Problem]:
    """What no level can hold for a process, or for the engine's own."""
    if works_in_process(tool):
        message = f"`{shortened(tool)}` works in the engine's own process, which cannot be isolated"
        yield problem_at(document, (*path, "level"), message)
    elif sandbox.network == "egress_allowlist":
        message = "single hosts cannot be held for an isolated process: say `none` or `full`"
        yield problem_at(document, (*path, "network"), message)


def _path_fault(path: str) -> str | None:
    if ".." in PurePosixPath(path).parts:
        return f"`{shortened(path)}` holds `..`: a scope is named outright"
    if not path.strip():
        return "a scope needs a path"
    if has_template(path):
        try:
            compile_template(path)
        except TemplateError as error:
            return f"template: {error.message}"
    return None
