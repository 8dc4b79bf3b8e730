"""What a tool call is told about its surroundings."""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from engine.contracts.sandbox_level import highest_wish
from engine.frozen import frozen, frozen_by_name
from engine.governance.policies import Policies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.contracts.runs.preview import Preview
    from engine.contracts.sandbox_level import SandboxWish
    from engine.governance.tools_layer import ToolsLayer
    from engine.tools.sandbox_spec import SandboxSpec


@frozen
class ToolLimits:
    """Limits of tool calls; sizes in bytes, times in seconds.

    The operator sets most of them. A pack's tools layer narrows the ones from `processors` to `hosts`: None
    is no narrowing.
    """

    allowed_roots: tuple[Path, ...] = (Path("/"),)
    denied_roots: tuple[Path, ...] = ()
    allowed_private_hosts: frozenset[str] = frozenset()
    command_allowlist: frozenset[str] = frozenset()
    command_env: frozenset[str] = frozenset()
    max_output_bytes: int = 8 * 1024 * 1024
    memory_bytes: int = 1024 * 1024 * 1024
    memory_from: str = "tools.memory_mb"
    """What set it; as `cpu_from`."""
    cpu_seconds: int = 300
    cpu_from: str = "tools.cpu_seconds"
    open_files: int = 256
    processes: int = 1024
    kill_grace_seconds: float = 5.0
    calls_at_once: int = 10
    """Of one tool in one process."""
    calls_at_once_of_a_tenant: int = 10
    """Of these."""
    processors: float | None = None
    scoped_roots: tuple[Path, ...] | None = None
    """Real paths, as they were resolved."""
    filesystem: Literal["none", "read_only", "read_write"] = "read_write"
    hosts: frozenset[str] | None = None
    sandbox: Literal["auto", "process", "isolated"] = "auto"
    """Wishes for the level `isolated` are granted where it can be had, ignored, or taken for every call that
    has a process."""
    hidden_roots: tuple[Path, ...] = ()
    """Isolated calls see nothing of them."""
    sandbox_reads: tuple[Path, ...] = ()
    """Isolated calls read them as they read the system."""
    isolated_in: SandboxSpec | None = None
    """What this call sees, when it is isolated."""

    @property
    def most_read_bytes(self) -> int:
        """What a call asks for beyond that is not read: in every charset it is more than may be returned."""
        return 4 * self.max_output_bytes


class OutputSink(Protocol):
    """Takes what the processes of a call write, while they run."""

    def hide(self, strike: Callable[[str], str]) -> None:
        """Secrets of the call are struck out of what comes."""
        ...

    def write(self, stream: Literal["out", "err"], data: bytes) -> None:
        """Bytes that arrived; must not block."""
        ...


@frozen
class WantedHandoff:
    """Which pack is to take over from the run of a call; its only flow where it names none."""

    target: str
    flow: str | None
    payload: Mapping[str, Any]
    note: str | None


class HandOff(Protocol):
    """Begins the run of another pack that takes over from the run of a call; once for each call."""

    async def __call__(self, context: ToolContext, wanted: WantedHandoff) -> dict[str, str]:
        """What was begun. Raises VasiniError."""
        ...


_NO_LIMITS = ToolLimits()


@frozen
class ToolContext:
    """One call of one execution of a step.

    `idempotency_key` is the same for every attempt of an execution, so a tool can make its effect
    once; `attempt` travels beside it. `workdir` is the run's own scratch directory (made on demand).
    `limits` are those that hold for this call. `previewed` is what a person has approved of it, for tools
    with a preview: what they do must still be that when they do it.
    """

    run_id: str
    step_id: str
    attempt: int
    idempotency_key: str
    tenant: str
    workdir: Path
    limits: ToolLimits = _NO_LIMITS
    previewed: Preview | None = None
    listed: str | None = None
    """Digest of the tool as its server listed it when the call was planned; None where none lists it."""
    output: OutputSink | None = field(default=None, compare=False)
    hand_off: HandOff | None = field(default=None, compare=False)
    data: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What people gave to the tools of this turn of an agent."""
    pack: str = ""
    flow: str = ""
    input_dir: Path | None = None
    """Where the attachments of the run's start lie; there is none without any."""


@frozen
class PackCode:
    """A pack's `tools.py` and its parts, pinned by digest. Only code that is trusted gets this far."""

    pack: str
    digest: str
    files: Mapping[str, str]
    sandbox: SandboxWish = "process"
    """The level that its tools layer wants."""


@frozen_by_name
class CallRules:
    """What binds a call beside the operator's limits.

    `scopes` are the rendered directories of the tools layer, by tool. `approved`: a person approved exactly
    this call. `sandbox` is what the step wants.
    """

    policies: Policies = field(default_factory=Policies)
    layer: ToolsLayer | None = None
    scopes: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    approved: bool = False
    timeout: float = 300.0
    """Seconds that the call, or its preview, may take."""
    timeout_of: str = ""
    """What sets them, for whoever is told that they are over."""
    waited: float = 0.0
    """Of these the call has spent waiting until it could begin."""
    sandbox: SandboxWish | None = None

    def wanting(self, wish: SandboxWish) -> CallRules:
        """The same for a call that wants a level of its own, too."""
        return replace(self, sandbox=highest_wish(self.sandbox, wish))
