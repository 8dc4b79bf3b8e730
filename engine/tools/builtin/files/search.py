"""files.search: a regular expression over the text files below a directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.contracts.status import Effects
from engine.contracts.tool import ToolSpec
from engine.threads import StopFlag, run_stoppable
from engine.tools.builtin.files.file_tools import PATH, ROOT, SKIPPED, Selection, walk
from engine.tools.builtin.files.globs import Exclusion, Glob
from engine.tools.builtin.files.paths import PathScope, path_scope
from engine.tools.failure import invalid_input
from engine.tools.process.ask import ask
from engine.tools.registry import RegisteredTool
from engine.tools.sandbox.confining import only

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.tools.context import ToolContext

_HOST = Path(__file__).with_name("search_host.py")

SEARCH = ToolSpec(
    name="files.search",
    effects=Effects.NONE,
    description="Lines that match a regular expression; binary files and symbolic links are skipped.",
    output={
        "matches": "`path`, `line` and `text` of each",
        "truncated": "there are more than `max_matches`",
        "skipped": SKIPPED,
    },
    parameters={
        "type": "object",
        "properties": {
            "root": ROOT,
            "path": PATH,
            "pattern": {"type": "string", "minLength": 1, "maxLength": 2000},
            "glob": {"type": "string", "minLength": 1},
            "max_matches": {"type": "integer", "minimum": 1, "maximum": 100_000},
            "include_hidden": {"type": "boolean"},
            "exclude": {"type": "array", "items": {"type": "string"}, "maxItems": 200},
        },
        "required": ["root", "pattern"],
        "additionalProperties": False,
    },
    backend="command",
)


def search_tools() -> Iterator[RegisteredTool]:
    """The search tool."""

    async def search(params: dict[str, Any], context: ToolContext) -> Any:
        limits = context.limits
        root, files, skipped = await run_stoppable(lambda stop: _files(path_scope(limits), params, stop))
        request = {
            "pattern": params["pattern"],
            "root": root,
            "files": files,
            "max_matches": params.get("max_matches", 1000),
        }
        answer = await ask(_HOST, request, Path("/"), only(limits, reads=(Path(root),)), "files.search")
        if "invalid" in answer:
            raise invalid_input(answer["invalid"])
        return {**answer, "skipped": skipped}

    yield RegisteredTool(SEARCH, search)


def _files(scope: PathScope, params: dict[str, Any], stop: StopFlag) -> tuple[str, list[str], list[str]]:
    selection = Selection(
        Glob(params.get("glob", "**/*")),
        Exclusion(params.get("exclude", [])),
        params.get("include_hidden", False),
    )
    start = scope.resolve(params["root"], params.get("path", "."))
    skipped: list[str] = []
    files = sorted(file.path for file in walk(scope, start, selection, skipped, stop))
    return str(start.root), files, skipped
