"""The other groups: what only some commands ask for, with the checks that pydantic brings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from engine.contracts.governing.slo import SloTargets
from engine.contracts.status import Risk
from engine.safe_files.naming import at_home
from engine.tools.mcp.settings import McpSettings, VariableName, server_of
from engine.tools.remote.settings import RemoteName, RemoteTool

_MIB = 1024 * 1024


def _absolute(path: Path) -> Path:
    expanded = at_home(path)
    if not expanded.is_absolute():
        raise ValueError("must be an absolute path")
    return expanded


def _webhook(url: str) -> str:
    """Secrets of a header travel with it: in the clear only inside this machine."""
    parts = urlsplit(url)
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not (parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and local))):
        raise ValueError("must be an https URL, or http on this machine")
    return url


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
# Lower case only: a name from the environment has no case.
SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
Secrets = dict[SecretName, SecretStr]
"""For tools, by name; they are never shown."""
WebhookUrl = Annotated[str, AfterValidator(_webhook)]
PositiveInt = Annotated[int, Field(ge=1)]


class Group(BaseModel):
    """A settings group; an unknown key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ToolSettings(Group):
    """Limits of tool calls. `roots`: directories tools may enter at all.

    `sandbox`: `auto` isolates calls that are to be, and those that want to where that can be had; `process`
    only the former; `isolated` every call that has a process. Isolated calls read `sandbox_reads` as well.
    """

    roots: tuple[AbsolutePath, ...] = (Path("/"),)
    command_allowlist: frozenset[str] = frozenset()
    command_env: frozenset[VariableName] = frozenset()
    allowed_private_hosts: frozenset[str] = frozenset()
    max_output_bytes: PositiveInt = 8 * _MIB
    memory_mb: PositiveInt = 1024
    cpu_seconds: PositiveInt = 300
    open_files: Annotated[int, Field(ge=16)] = 256
    processes: Annotated[int, Field(ge=4)] = 1024
    max_concurrent_per_tool: PositiveInt = 10
    max_concurrent_per_tenant: PositiveInt = 10
    sandbox: Literal["auto", "process", "isolated"] = "auto"
    sandbox_reads: tuple[AbsolutePath, ...] = ()
    mcp: McpSettings = McpSettings()
    remote: dict[RemoteName, RemoteTool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _each_name_is_of_one(self) -> ToolSettings:
        for name in self.remote:
            if server_of(name) in self.mcp.servers:
                raise ValueError(f"remote.{name} begins as the tools of the MCP server {server_of(name)} do")
        return self


class NotifySettings(Group):
    """Who is told what waits or failed, outside of the console; nobody unless a way is named."""

    kinds: tuple[Literal["approval", "form", "failure", "slo", "budget"], ...] = (
        "approval",
        "form",
        "failure",
        "slo",
        "budget",
    )
    risk: Risk = Risk.LOW
    command: tuple[str, ...] = ()
    webhook: WebhookUrl | None = None
    webhook_secret: str = "webhook"  # noqa: S105 - the name of one
    desktop: bool = False


class SloSettings(Group):
    """Service levels: targets by pack, before those that the pack names."""

    by_pack: dict[str, SloTargets] = Field(default_factory=dict)
