"""Which tools there are: a closed set of names, each with its spec and what runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.tools.context import ToolContext
from engine.tools.parameters import ParameterCheck, parameter_check

if TYPE_CHECKING:
    from engine.contracts.tool import ToolSpec

ToolFunction = Callable[[dict[str, Any], ToolContext], Awaitable[Any]]
"""What runs a tool: parameters that passed its schema, and the call's context, to a JSON value."""


@dataclass(frozen=True)  # no slots: cached_property needs a __dict__
class RegisteredTool:
    """A spec with its implementation; the compiled parameter check is made at the first call."""

    spec: ToolSpec
    function: ToolFunction = field(repr=False)

    @cached_property
    def check(self) -> ParameterCheck:
        """The compiled schema of the parameters."""
        return parameter_check(self.spec.parameters)


class ToolRegistry:
    """Names are unique: registering one twice is an error, never a replacement."""

    def __init__(self) -> None:
        self._tools: dict[str, RegisteredTool] = {}

    def register(self, spec: ToolSpec, function: ToolFunction) -> None:
        """Add an in-process tool. Raises ValueError when the name is taken."""
        if spec.name in self._tools:
            raise ValueError(f"tool {spec.name!r} is registered already")
        self._tools[spec.name] = RegisteredTool(spec, function)

    def find(self, name: str) -> RegisteredTool | None:
        """The tool of that name, or None."""
        return self._tools.get(name)

    def spec(self, name: str) -> ToolSpec | None:
        """The spec of that name, or None."""
        tool = self._tools.get(name)
        return tool.spec if tool else None

    def specs(self) -> tuple[ToolSpec, ...]:
        """All specs, by name."""
        return tuple(self._tools[name].spec for name in sorted(self._tools))
