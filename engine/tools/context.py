"""What a tool call is told about its surroundings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ToolContext:
    """One call of one execution of a step.

    `idempotency_key` is the same for every attempt of an execution, so a tool can make its effect
    once; `attempt` travels beside it. `workdir` is the run's own scratch directory (made on demand).
    """

    run_id: str
    step_id: str
    attempt: int
    idempotency_key: str
    tenant: str
    workdir: Path


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """Limits the operator sets for tool calls; sizes in bytes, times in seconds."""

    allowed_roots: tuple[Path, ...] = (Path("/"),)
    denied_roots: tuple[Path, ...] = ()
    allowed_private_hosts: frozenset[str] = frozenset()
    command_allowlist: frozenset[str] = frozenset()
    max_output_bytes: int = 8 * 1024 * 1024
    memory_bytes: int = 1024 * 1024 * 1024
    cpu_seconds: int = 300
    open_files: int = 256
    processes: int = 256
    kill_grace_seconds: float = 5.0
    blocked_tools: frozenset[str] = frozenset()
    allowed_tools: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PackCode:
    """A pack's `tools.py`, pinned by digest; None of it runs unless `trusted`."""

    pack: str
    digest: str
    source: str
    trusted: bool
    secrets: Mapping[str, str] = field(default_factory=dict)
