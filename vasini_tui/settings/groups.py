"""The settings by group: every name, type, default and limit an operator can set (docs/cli.md)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
)

from engine.acp.settings import AgentSettings
from engine.budget.settings import BudgetSettings
from engine.contracts.actor import Operator
from engine.contracts.governing.slo import SloTargets
from engine.contracts.status import Risk
from engine.governance.policies import Policies
from engine.models.settings import ModelSettings
from engine.packs.publishing.key_bytes import KEY_BYTES, decode_bytes
from engine.tools.mcp.settings import McpSettings, VariableName

_MIB = 1024 * 1024


def _absolute(path: Path) -> Path:
    expanded = path.expanduser()
    if not expanded.is_absolute():
        raise ValueError("must be an absolute path")
    return expanded


def _regular_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error.msg}") from error
    return pattern


def _divided(keys: object) -> object:
    return keys.split() if isinstance(keys, str) else keys


def _public_key(text: str) -> str:
    if decode_bytes(text, KEY_BYTES) is None:
        raise ValueError("must be an Ed25519 public key: 32 bytes as hexadecimal digits or base64")
    return text


def _webhook(url: str) -> str:
    """Secrets of a header travel with it: in the clear only inside this machine."""
    parts = urlsplit(url)
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not (parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and local))):
        raise ValueError("must be an https URL, or http on this machine")
    return url


def _time_zone(name: str) -> str:
    if name in {"UTC", "local"}:
        return name
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - for the few who set another one

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone: UTC, local, or a name such as Europe/Berlin") from None
    return name


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Pattern = Annotated[str, AfterValidator(_regular_expression)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
# Lower case only: a name from the environment has no case.
SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
WebhookUrl = Annotated[str, AfterValidator(_webhook)]
PositiveInt = Annotated[int, Field(ge=1)]
# One key, or several divided by spaces; whether they may be is checked when all sources are known.
Keys = Annotated[tuple[str, ...], BeforeValidator(_divided), Field(min_length=1, max_length=8)]


class Group(BaseModel):
    """A settings group; an unknown key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class IdentitySettings(Group):
    """Who may see and do what, by the account's login; without any the person at the machine is admin."""

    operators: dict[str, Operator] = Field(default_factory=dict)


class LoggingSettings(Group):
    """The log file, and what is masked in journal and log."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    redact: bool = True
    redact_patterns: tuple[Pattern, ...] = ()
    max_bytes: Annotated[int, Field(ge=10_000)] = 10 * _MIB


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
    sandbox: Literal["auto", "process", "isolated"] = "auto"
    sandbox_reads: tuple[AbsolutePath, ...] = ()
    mcp: McpSettings = McpSettings()


class EngineSettings(Group):
    """How runs are worked. Times in seconds."""

    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 10.0
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 10.0
    poll_seconds: Annotated[float, Field(ge=0.01, le=60)] = 0.25
    slots: Annotated[int, Field(ge=1, le=10_000)] = 64
    default_step_timeout: Annotated[float, Field(gt=0)] = 300.0
    kill_grace_seconds: Annotated[float, Field(ge=0, le=600)] = 5.0
    claim_seconds: Annotated[float, Field(ge=1, le=86_400)] = 120.0


class PackSettings(Group):
    """How changes of pack files are noticed, and whose signatures count.

    `watch`: `poll` is for file systems whose events never come. `signing_keys`: Ed25519 public keys.
    """

    watch: Literal["events", "poll", "off"] = "events"
    poll_seconds: Annotated[float, Field(ge=0.05, le=3600)] = 2.0
    signing_keys: dict[str, PublicKey] = Field(default_factory=dict)


class ConsoleSettings(Group):
    """The console. `grace_ms`: how long decision keys rest after new content appeared.

    `keys`: other keys for actions, by action id. `time_zone`: that of the times it shows.
    """

    theme: str = "vasini-dark"
    grace_ms: Annotated[int, Field(ge=0, le=10_000)] = 300
    bell: bool = True
    time_zone: TimeZone = "UTC"
    keys: dict[str, Keys] = Field(default_factory=dict)


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


class SettingsShape(BaseModel):
    """All groups. `secrets` are for tools, by name; they are never shown."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    policies: Policies = Policies()
    identity: IdentitySettings = IdentitySettings()
    logging: LoggingSettings = LoggingSettings()
    tools: ToolSettings = ToolSettings()
    models: ModelSettings = ModelSettings()
    agents: AgentSettings = AgentSettings()
    budget: BudgetSettings = BudgetSettings()
    engine: EngineSettings = EngineSettings()
    packs: PackSettings = PackSettings()
    console: ConsoleSettings = ConsoleSettings()
    notify: NotifySettings = NotifySettings()
    slo: SloSettings = SloSettings()
    secrets: dict[SecretName, SecretStr] = Field(default_factory=dict)
