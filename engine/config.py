"""What an embedded engine is told when it is opened; who collects it is not its business."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from engine.acp.settings import AgentSettings
    from engine.budget.settings import BudgetSettings
    from engine.contracts.actor import Operator
    from engine.contracts.governing.slo import SloTargets
    from engine.contracts.notice import Notice
    from engine.governance.policies import Policies
    from engine.models.settings import ModelSettings
    from engine.tools.context import ToolLimits
    from engine.tools.mcp.settings import McpServer
    from engine.tools.remote.settings import RemoteTool
    from engine.tools.sandbox.bubblewrap import Bubblewrap


@dataclass(frozen=True, slots=True)
class ChangedSettings:
    """What a worker reads again while it works. Of `budget` it takes the prices."""

    servers: Mapping[str, McpServer]
    models: ModelSettings
    budget: BudgetSettings
    secrets: Mapping[str, str] = field(repr=False)


class Rules:
    """What runs may do, cost and ask; `given` are those that differ from the defaults.

    Each is made when it is first asked for: whoever only reads lists of runs asks for none.
    """

    def __init__(self, **given: Any) -> None:
        if unknown := given.keys() - vars(Rules).keys():
            raise TypeError(f"there are no rules of that name: {', '.join(sorted(unknown))}")
        self.__dict__ |= given

    @cached_property
    def limits(self) -> ToolLimits:
        """Of tool calls."""
        from engine.tools.context import ToolLimits  # noqa: PLC0415 - see above

        return ToolLimits()

    @cached_property
    def policies(self) -> Policies:
        """What the operator allows."""
        from engine.governance.policies import Policies  # noqa: PLC0415 - see above

        return Policies()

    @cached_property
    def models(self) -> ModelSettings:
        """Models by name, and which of them are asked."""
        from engine.models.settings import ModelSettings  # noqa: PLC0415 - see above

        return ModelSettings()

    @cached_property
    def agents(self) -> AgentSettings:
        """Programs that are agents, by name."""
        from engine.acp.settings import AgentSettings  # noqa: PLC0415 - see above

        return AgentSettings()

    @cached_property
    def budget(self) -> BudgetSettings:
        """Prices and caps."""
        from engine.budget.settings import BudgetSettings  # noqa: PLC0415 - see above

        return BudgetSettings()

    @cached_property
    def slo(self) -> Mapping[str, SloTargets]:
        """What is promised by pack, before what the packs say themselves."""
        return {}

    @cached_property
    def remote(self) -> Mapping[str, RemoteTool]:
        """Tools that are called over HTTP, by name."""
        return {}

    @cached_property
    def mcp(self) -> Mapping[str, McpServer]:
        """MCP servers by name, whose tools may be called."""
        return {}

    @cached_property
    def settings_now(self) -> Callable[[], ChangedSettings | None] | None:
        """Says what a worker reads again; None where nothing changed; blocks. Without it all stays."""
        return None

    @cached_property
    def notify(self) -> Mapping[str, Callable[[Notice], Awaitable[None]]]:
        """Ways to tell people what waits or failed, by name: one raises when it could not, and is asked again
        then."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Places, limits and policies of one engine. Times in seconds.

    `secrets` are resolved at the tool's door only: they are left out of `repr` and never logged.
    """

    data_dir: Path
    runs_dir: Path
    cache_dir: Path
    shipped_packs: Path | None = None
    home_packs: Path | None = None
    rules: Rules = field(default_factory=Rules)
    operators: Mapping[str, Operator] = field(default_factory=dict)
    """What each account may see and do; without any whoever is at the machine may do everything."""
    settings_look_seconds: float = 5.0
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    redact: bool = True
    redact_patterns: tuple[str, ...] = ()
    lease_seconds: float = 10.0
    drain_seconds: float = 10.0
    """How long a stopping worker lets running calls end before it cancels them."""
    poll_seconds: float = 0.25
    round_seconds: float = 1.0
    """How often a process that works looks whether something is to be looked at (runtime/rounds.py)."""
    default_step_timeout: float = 300.0
    claim_seconds: float = 120.0
    pack_watch: Literal["events", "poll", "off"] = "events"
    pack_poll_seconds: float = 2.0
    signing_keys: Mapping[str, str] = field(default_factory=dict)
    """Ed25519 public keys by name, in hexadecimal digits or base64."""

    notify_retry_seconds: tuple[float, float] = (1.0, 60.0)
    """After how long it is asked again: the first time, and at the most."""

    bubblewrap: Callable[[], Bubblewrap] | None = None
    """Finds what isolates calls; None looks for it on this machine."""

    @property
    def marks_dir(self) -> Path:
        """Where workers mark the calls they are making."""
        return self.data_dir / "workers"

    @property
    def slots_file(self) -> Path:
        """Whose bytes are locked while calls of a tree are under way."""
        return self.data_dir / "calls.lock"

    def notices_lock(self, way: str) -> Path:
        """Who holds it tells people by that way."""
        return self.data_dir / f"notices-{way}.lock"

    @property
    def servers_dir(self) -> Path:
        """What MCP servers last listed."""
        return self.data_dir / "mcp"

    @property
    def journal_path(self) -> Path:
        """The one file everything durable is in."""
        return self.data_dir / "journal.db"
