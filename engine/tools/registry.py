"""Which tools there are: a closed set of names, each with its spec and what runs it; and back ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from engine.tools.context import ToolContext
from engine.tools.parameters import ParameterCheck, parameter_check

if TYPE_CHECKING:
    from engine.contracts.runs.preview import Preview
    from engine.contracts.sandbox_level import SandboxLevel, SandboxWish
    from engine.contracts.tool import ToolSpec
    from engine.tools.context import PackCode

ToolFunction = Callable[[dict[str, Any], ToolContext], Awaitable[Any]]
"""What runs a tool: parameters that passed its schema, and the call's context, to a JSON value."""
PreviewFunction = Callable[[dict[str, Any], ToolContext], Awaitable["Preview"]]
"""What a call would do, looked at and not done. Secrets are still references in the parameters."""


WishFunction = Callable[[Any], "SandboxWish"]
"""The level that a call with these parameters wants; they are not checked yet."""


@dataclass(frozen=True)  # no slots: cached_property needs a __dict__
class RegisteredTool:
    """A spec with its implementation; the compiled parameter check is made at the first call."""

    spec: ToolSpec
    function: ToolFunction = field(repr=False)
    preview: PreviewFunction | None = field(default=None, repr=False)
    wish: WishFunction | None = field(default=None, repr=False)
    level: SandboxLevel | None = None
    """The level that is in force for it whatever its back end says: of what runs already."""
    own_check: ParameterCheck | None = field(default=None, repr=False)
    takes_secrets: bool = True
    """False where what it is given is kept: nothing would strike a secret out of it."""

    @cached_property
    def check(self) -> ParameterCheck:
        """The compiled schema of the parameters."""
        return self.own_check or parameter_check(self.spec.parameters)


class BackEnd(Protocol):
    """A source of tools that can be run: the functions of a registry, a pack's own code, ..."""

    @property
    def name(self) -> str:
        """What `ToolSpec.backend` of its tools says."""

    @property
    def sandbox(self) -> SandboxLevel:
        """What stands between its tools and this machine."""

    async def find(self, tool: str, code: PackCode | None) -> RegisteredTool | None:
        """Its tool of that name. `code` is that of the pack the call belongs to."""


class BackEnds:
    """Back ends by name; a tool is looked for in the order they were registered."""

    def __init__(self) -> None:
        self._by_name: dict[str, BackEnd] = {}

    def register(self, back_end: BackEnd) -> None:
        """Add one. Raises ValueError when the name is taken."""
        if back_end.name in self._by_name:
            raise ValueError(f"the back end {back_end.name!r} is registered already")
        self._by_name[back_end.name] = back_end

    async def find(self, tool: str, code: PackCode | None) -> tuple[RegisteredTool, BackEnd] | None:
        """The tool of that name and what runs it. Raises what its back end raises (Refused, PackInvalid)."""
        for back_end in self._by_name.values():
            found = await back_end.find(tool, code)
            if found is not None:
                return found, back_end
        return None


class ToolRegistry:
    """Names are unique: registering one twice is an error, never a replacement."""

    def __init__(self, tools: Iterable[RegisteredTool] = ()) -> None:
        self._tools: dict[str, RegisteredTool] = {}
        for tool in tools:
            self.add(tool)

    def __iter__(self) -> Iterator[RegisteredTool]:
        return iter(self._tools.values())

    def register(self, spec: ToolSpec, function: ToolFunction) -> None:
        """As `add`, for a tool without a preview."""
        self.add(RegisteredTool(spec, function))

    def add(self, tool: RegisteredTool) -> None:
        """Add a tool. Raises ValueError when its name is taken."""
        if tool.spec.name in self._tools:
            raise ValueError(f"tool {tool.spec.name!r} is registered already")
        self._tools[tool.spec.name] = tool

    def find(self, name: str) -> RegisteredTool | None:
        """The tool of that name, or None."""
        return self._tools.get(name)

    def specs(self) -> tuple[ToolSpec, ...]:
        """All specs, by name."""
        return tuple(self._tools[name].spec for name in sorted(self._tools))


@dataclass(frozen=True, slots=True)
class FunctionBackEnd:
    """The functions of a registry whose specs name this back end."""

    name: str
    sandbox: SandboxLevel
    registry: ToolRegistry

    async def find(self, tool: str, _code: PackCode | None) -> RegisteredTool | None:
        """See BackEnd."""
        found = self.registry.find(tool)
        return found if found is not None and found.spec.backend == self.name else None
