"""The tools layer: which tools the agent may use, and within which bounds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.quantity import Cost, CpuShare, Duration, MemorySize
from engine.contracts.sandbox_level import SandboxWish
from engine.contracts.schema_version import SchemaVersion
from engine.contracts.status import Effects, Risk


class ToolSandbox(Contract):
    """Bounds of one tool."""

    timeout: Duration = Field(default="30s", description="Longest run of one call.")
    memory_limit: MemorySize = Field(default="256Mi", description="Most memory of one call.")
    cpu_limit: CpuShare = Field(default="1", description="Most processors of one call.")
    network: Literal["none", "egress_allowlist", "full"] = Field(
        default="none", description="What it may reach."
    )
    egress_allowlist: tuple[str, ...] = Field(
        default=(),
        description="Hosts it may reach with `egress_allowlist`, at ports 80 and 443, or as `host:port`.",
    )
    filesystem: Literal["none", "read_only", "read_write", "scoped"] = Field(
        default="none", description="Which files it may touch."
    )
    scoped_paths: tuple[str, ...] = Field(default=(), description="Directories it may touch with `scoped`.")
    level: SandboxWish = Field(default="process", description="Least level of its calls.")


class ToolDef(Contract):
    """One tool the agent may use."""

    id: str = Field(min_length=1, max_length=120, description="Name of the tool, such as `files.read`.")
    name: str = Field(description="Name for people.")
    description: str = Field(default="", description="What it is used for.")
    sandbox: ToolSandbox = Field(default_factory=ToolSandbox, description="Bounds of its calls.")
    risk_level: Risk = Field(default=Risk.LOW, description="Risk of its calls.")
    requires_approval: bool = Field(default=False, description="Whether a person approves each call.")
    effects: Effects | None = Field(
        default=None,
        description="What a call of the pack's own tool leaves behind; unsaid it is `local`.",
    )
    idempotent: bool | None = Field(
        default=None,
        description="Whether the pack's own tool has its effect once for one key.",
    )
    audit: bool = Field(default=False, description="Whether each call is audited.")


class ToolPolicies(Contract):
    """Bounds over all tools of a task."""

    max_concurrent: int = Field(default=5, ge=1, description="Calls at once.")
    max_calls_per_task: int = Field(default=100, ge=0, description="Calls of one task.")
    cost_limit_per_task: Cost = Field(default="$10", description="Most a task may cost.")
    level: SandboxWish = Field(default="process", description="Least level of all calls with a process.")


class Tools(Contract):
    """Tools allowed, tools denied, and bounds over all of them."""

    schema_version: SchemaVersion = Field(default="1.0", description="Version of the pack format.")
    available: tuple[ToolDef, ...] = Field(default=(), description="Tools the agent may use.")
    denied: tuple[str, ...] = Field(default=(), description="Tools it may never use.")
    tool_policies: ToolPolicies = Field(
        default_factory=ToolPolicies, description="Bounds over all tools of a task."
    )
