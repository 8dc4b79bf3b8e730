"""A back end is one class and its registration; nothing else knows which there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.tool import ToolSpec
from engine.tools.context import PackCode, ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.registry import RegisteredTool, ToolRegistry

if TYPE_CHECKING:
    from engine.contracts.sandbox_level import SandboxLevel

CONTEXT = ToolContext("run", "step", 1, "run/step", "default", Path("/nonexistent/workdir"))


@dataclass
class ParrotBackEnd:
    """Answers every `parrot.` tool with what it was told."""

    name: str = "parrot"
    sandbox: SandboxLevel = "isolated"

    async def find(self, tool: str, _code: PackCode | None) -> RegisteredTool | None:
        async def say(params: dict[str, Any], _context: ToolContext) -> Any:
            return {"said": params["text"]}

        if not tool.startswith("parrot."):
            return None
        return RegisteredTool(ToolSpec(name=tool, backend=self.name), say)


async def test_a_back_end_is_one_class_and_its_registration() -> None:
    executor = ToolExecutor(ToolRegistry(), ToolLimits())
    executor.back_ends.register(ParrotBackEnd())
    result = await executor.call("parrot.say", {"text": "hello"}, CONTEXT)
    assert result.data == {"said": "hello"}
    assert (result.meta.backend, result.meta.sandbox) == ("parrot", "isolated")


async def test_a_name_of_a_back_end_is_registered_once() -> None:
    executor = ToolExecutor(ToolRegistry(), ToolLimits())
    executor.back_ends.register(ParrotBackEnd())
    with pytest.raises(ValueError, match="registered already"):
        executor.back_ends.register(ParrotBackEnd())


def test_a_call_passes_the_stages_in_this_order() -> None:
    names = [name for name, _ in ToolExecutor(ToolRegistry(), ToolLimits()).stages]
    assert names == ["resolve", "layer", "policy", "approval", "limits", "sandbox", "back end"]
