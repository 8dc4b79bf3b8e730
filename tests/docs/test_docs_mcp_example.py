"""The example of MCP servers: its settings can be, its pack has no problem with them and one without."""

from __future__ import annotations

from pathlib import Path

import yaml

from engine.packs.checks.schemas.tool_names import any_tool_of
from engine.packs.loader import read_pack
from engine.tools.mcp.settings import McpSettings

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "mcp"


def test_the_example_loads_with_its_settings() -> None:
    settings = yaml.safe_load((EXAMPLE / "config.yaml").read_text())["tools"]["mcp"]
    servers = McpSettings.model_validate(settings).servers
    declared = read_pack(EXAMPLE / "mcp-tour", tool_names=[any_tool_of(name) for name in servers])
    assert not declared.problems
    assert set(declared.flows) == {"agent", "everything", "filesystem", "memory"}
    assert len(read_pack(EXAMPLE / "mcp-tour", tool_names=[]).problems) >= 9
