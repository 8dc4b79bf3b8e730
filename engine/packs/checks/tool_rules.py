"""What a tools layer says about the steps of flows: tools it denies, and those it does not offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.governance.policies import tool_key
from engine.packs.checks.flow_shape import sequences
from engine.packs.checks.schemas.schema_problems import close_match, problem_at, shortened, shown
from engine.packs.checks.step_types import checks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.layers.tools import Tools
    from engine.contracts.packs.pack import Problem
    from engine.packs.source.yaml_source import Document


def layer_refusal(tools: Tools, tool: str) -> str | None:
    """Why no step may call the tool, in words; None when it may."""
    key = tool_key(tool)
    if key in map(tool_key, tools.denied):
        return f"the tools layer denies `{shortened(tool)}`"
    known = [offered.id for offered in tools.available]
    if "available" in tools.model_fields_set and key not in map(tool_key, known):
        return f"the tools layer does not offer `{shortened(tool)}`{close_match(tool, known)}"
    return None


def layer_problems(document: Document, tools: Tools) -> Iterator[Problem]:
    """Steps of a flow that the pack's tools layer would refuse each time."""
    for sequence in sequences(document.value):
        for node in sequence.nodes:
            for place, tool in checks_of(node).tools(node):
                refusal = layer_refusal(tools, tool)
                if refusal is not None:
                    yield problem_at(document, (*node.path, *place), refusal, found=shown(tool))
