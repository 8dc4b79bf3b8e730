"""Everything that the tools for git read of one repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.tool import ToolResult
    from tests.engine.tools.conftest import Call

READINGS = ("git.status", "git.diff", "git.log", "git.authors")


async def read_all(call: Call, repo: Path) -> dict[str, ToolResult]:
    found = {tool: await call(tool, {"repo": str(repo)}) for tool in READINGS}
    found["span"] = await call("git.diff", {"repo": str(repo), "from_ref": "v1", "to_ref": "HEAD"})
    return found
