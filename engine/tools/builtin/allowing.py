"""outside.allow: what a person approved goes back to the agent elsewhere that asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import Effects, Risk
from engine.contracts.tool import ToolSpec
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.tools.context import ToolContext

ALLOW = ToolSpec(
    name="outside.allow",
    # The call itself is made elsewhere, by whoever is told that it may; to be told so twice changes nothing.
    effects=Effects.OUTSIDE,
    idempotent=True,
    risk=Risk.MEDIUM,
    description="Tell the agent elsewhere that asked (vasini mcp) that it may make exactly this call.",
    output={
        "tool": "the tool that may be called",
        "digest": "of tool and input, as the agent sent them",
    },
    parameters={
        "type": "object",
        "properties": {
            "tool": {"type": "string", "minLength": 1, "maxLength": 200},
            "input": {"type": "object"},
            "digest": {"type": "string", "minLength": 64, "maxLength": 64},
        },
        "required": ["tool", "input", "digest"],
        "additionalProperties": False,
    },
)


def allowing_tools() -> Iterator[RegisteredTool]:
    """The tool that allows."""
    yield RegisteredTool(ALLOW, allow)


async def allow(params: dict[str, Any], context: ToolContext) -> dict[str, str]:
    """`{"tool", "digest"}` of the call that may be made."""
    return {"tool": params["tool"], "digest": params["digest"]}
