"""The tools layer of a pack as it binds every call of its runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.contracts.governing.money import billionths
from engine.contracts.quantity import cpu_cores, dollars, duration_seconds, memory_bytes
from engine.contracts.sandbox_level import highest_wish
from engine.contracts.status import Effects, Risk
from engine.governance.policies import tool_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.layers.tools import ToolDef, Tools
    from engine.contracts.sandbox_level import SandboxWish

Network = Literal["none", "egress_allowlist", "full"]
Filesystem = Literal["none", "read_only", "read_write", "scoped"]

_RISKS = tuple(Risk)


def highest_risk(*risks: Risk | None) -> Risk:
    """The highest of several; what is None has no say."""
    return max((risk for risk in risks if risk is not None), key=_RISKS.index, default=Risk.LOW)


@dataclass(frozen=True, slots=True)
class ToolBounds:
    """What the layer lets one tool do. Times in seconds, sizes in bytes.

    `scoped_paths` are templates over the start payload, as they were written.
    """

    timeout: float
    memory_bytes: int
    cores: float
    network: Network
    hosts: frozenset[str]
    filesystem: Filesystem
    scoped_paths: tuple[str, ...]
    level: SandboxWish
    risk: Risk
    requires_approval: bool
    audit: bool
    effects: Effects | None
    idempotent: bool | None


@dataclass(frozen=True, slots=True)
class ToolsLayer:
    """`offered` None: every tool that is not denied may be called, without bounds of its own."""

    denied: frozenset[str]
    offered: Mapping[str, ToolBounds] | None
    max_concurrent: int
    max_calls: int
    level: SandboxWish = "process"
    """Of all calls that run in a process."""
    cost_limit: int | None = None
    """Billionths of a dollar that the models of a run and its subflows may cost, where the layer says so."""

    @property
    def names_paths(self) -> bool:
        """Whether it narrows the files of a tool to single paths."""
        return any(bounds.filesystem == "scoped" for bounds in (self.offered or {}).values())

    def level_of_code(self, prefix: str) -> SandboxWish:
        """The strictest level of the tools whose names begin so: their code is read at it, too."""
        own = (bounds.level for tool, bounds in (self.offered or {}).items() if tool.startswith(prefix))
        return highest_wish(self.level, *own)

    def bounds(self, tool: str) -> ToolBounds | None:
        """The bounds of a tool the layer lists."""
        return None if self.offered is None else self.offered.get(tool_key(tool))


def tools_layer(tools: Tools) -> ToolsLayer:
    """The layer of a pack, ready to be asked."""
    given = "available" in tools.model_fields_set
    return ToolsLayer(
        frozenset(map(tool_key, tools.denied)),
        {tool_key(tool.id): _bounds(tool) for tool in tools.available} if given else None,
        tools.tool_policies.max_concurrent,
        tools.tool_policies.max_calls_per_task,
        tools.tool_policies.level,
        _cost_limit(tools),
    )


def _cost_limit(tools: Tools) -> int | None:
    """The proposal of the format binds nobody: a model without a price would be refused by it."""
    policies = tools.tool_policies
    if "cost_limit_per_task" not in policies.model_fields_set:
        return None
    return billionths(dollars(policies.cost_limit_per_task))


def _bounds(tool: ToolDef) -> ToolBounds:
    sandbox = tool.sandbox
    return ToolBounds(
        duration_seconds(sandbox.timeout),
        memory_bytes(sandbox.memory_limit),
        cpu_cores(sandbox.cpu_limit),
        sandbox.network,
        frozenset(host.casefold().rstrip(".") for host in sandbox.egress_allowlist),
        sandbox.filesystem,
        sandbox.scoped_paths,
        sandbox.level,
        tool.risk_level,
        tool.requires_approval,
        tool.audit,
        tool.effects,
        tool.idempotent,
    )
