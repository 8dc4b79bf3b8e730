"""The settings by group: every name, type, default and limit an operator can set (docs/settings.md).

These are the ones that any command asks for, and the console before its first frame; seldom_asked.py has
the others. Plain classes, so that where nothing is set no pydantic is loaded for them: only what somebody
wrote is checked (in_force.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from engine.contracts.actor import Operator  # noqa: TC001 - pydantic reads the annotation
from engine.contracts.checks import Checked, Prepared, Within
from engine.packs.publishing.key_bytes import KEY_BYTES, decode_bytes

_MIB = 1024 * 1024
_CLOSED = {"extra": "forbid"}
"""An unknown key is an error, never ignored."""


def _regular_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error.msg}") from error
    return pattern


def _public_key(text: str) -> str:
    if decode_bytes(text, KEY_BYTES) is None:
        raise ValueError("must be an Ed25519 public key: 32 bytes as hexadecimal digits or base64")
    return text


def _time_zone(name: str) -> str:
    if name in {"UTC", "local"}:
        return name
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - for the few who set another one

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone: UTC, local, or a name such as Europe/Berlin") from None
    return name


def _divided(keys: object) -> object:
    return keys.split() if isinstance(keys, str) else keys


Pattern = Annotated[str, Checked(_regular_expression)]
PublicKey = Annotated[str, Checked(_public_key)]
TimeZone = Annotated[str, Checked(_time_zone)]
# One key, or several divided by spaces; whether they may be is checked when all sources are known.
Keys = Annotated[tuple[str, ...], Within(min_length=1, max_length=8), Prepared(_divided)]


@dataclass(frozen=True)
class IdentitySettings:
    """Who may see and do what, by the account's login; without any the person at the machine is admin."""

    __pydantic_config__: ClassVar = _CLOSED

    operators: dict[str, Operator] = field(default_factory=dict)


@dataclass(frozen=True)
class LoggingSettings:
    """The log file, and what is masked in journal and log."""

    __pydantic_config__: ClassVar = _CLOSED

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    redact: bool = True
    redact_patterns: tuple[Pattern, ...] = ()
    max_bytes: Annotated[int, Within(ge=10_000)] = 10 * _MIB


@dataclass(frozen=True)
class EngineSettings:
    """How runs are worked. Times in seconds."""

    __pydantic_config__: ClassVar = _CLOSED

    lease_seconds: Annotated[float, Within(ge=1, le=3600)] = 10.0
    drain_seconds: Annotated[float, Within(ge=0, le=3600)] = 10.0
    poll_seconds: Annotated[float, Within(ge=0.01, le=60)] = 0.25
    slots: Annotated[int, Within(ge=1, le=10_000)] = 64
    default_step_timeout: Annotated[float, Within(gt=0)] = 300.0
    kill_grace_seconds: Annotated[float, Within(ge=0, le=600)] = 5.0
    claim_seconds: Annotated[float, Within(ge=1, le=86_400)] = 120.0


@dataclass(frozen=True)
class PackSettings:
    """How changes of pack files are noticed, and whose signatures count.

    `watch`: `poll` is for file systems whose events never come. `signing_keys`: Ed25519 public keys.
    """

    __pydantic_config__: ClassVar = _CLOSED

    watch: Literal["events", "poll", "off"] = "events"
    poll_seconds: Annotated[float, Within(ge=0.05, le=3600)] = 2.0
    signing_keys: dict[str, PublicKey] = field(default_factory=dict)


@dataclass(frozen=True)
class ConsoleSettings:
    """The console. `grace_ms`: how long decision keys rest after new content appeared.

    `keys`: other keys for actions, by action id. `time_zone`: that of the times it shows.
    """

    __pydantic_config__: ClassVar = _CLOSED

    theme: str = "vasini-dark"
    grace_ms: Annotated[int, Within(ge=0, le=10_000)] = 300
    bell: bool = True
    time_zone: TimeZone = "UTC"
    keys: dict[str, Keys] = field(default_factory=dict)
