"""Where settings become an engine: the one place that knows both."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import engine
from engine.config import EngineConfig, Rules
from vasini_tui.settings.places import make_places
from vasini_tui.shipped import shipped_packs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping
    from contextlib import AbstractAsyncContextManager

    from engine.config import ChangedSettings
    from engine.contracts.actor import Actor
    from engine.contracts.governing.slo import SloTargets
    from engine.contracts.notice import Notice
    from engine.facade.engine import Engine
    from engine.tools.context import ToolLimits
    from engine.tools.mcp.settings import McpServer
    from engine.tools.remote.settings import RemoteTool
    from vasini_tui.output import Output
    from vasini_tui.settings.loading import LoadedSettings

OpenEngine = Callable[["EngineConfig"], "AbstractAsyncContextManager[Engine]"]

_MIB = 1024 * 1024


def open_embedded(config: EngineConfig) -> AbstractAsyncContextManager[Engine]:
    """The engine of this process, on the journal file of `config`."""
    return engine.open_engine(config)  # loads lazily: only a command that needs it pays for it


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with: who asks, the settings, where to write, and the engine on demand."""

    loaded: LoadedSettings
    actor: Actor
    out: Output
    opener: OpenEngine
    tenant: str | None = None
    all_tenants: bool = False

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[Engine]:
        """The engine as the actor may use it. Raises VasiniError: places, role, tenant."""
        async with self.whole_engine() as whole:
            yield whole.for_(self.actor, tenant=self.tenant, all_tenants=self.all_tenants)

    @asynccontextmanager
    async def engine_and_run(self, part: str) -> AsyncIterator[tuple[Engine, str]]:
        """The engine, and the id of the run that a part of it names. Raises as `Runs.find_id`."""
        async with self.engine() as engine:
            yield engine, await engine.runs.find_id(part)

    @asynccontextmanager
    async def engine_and_request(self, part: str) -> AsyncIterator[tuple[Engine, str]]:
        """The same with the id of a request."""
        async with self.engine() as engine:
            yield engine, await engine.runs.find_id(part, "request")

    def whole_engine(self) -> AbstractAsyncContextManager[Engine]:
        """Open the engine on the places in force. Raises VasiniError when they cannot be made."""
        make_places(self.loaded.places)
        return self.opener(engine_config(self.loaded))


class RulesInForce(Rules):
    """What the settings say about runs; each is made when the engine asks for it."""

    def __init__(self, loaded: LoadedSettings) -> None:
        values = loaded.values
        named = {
            name: getattr(values, name) for name in values.given & {"policies", "models", "agents", "budget"}
        }
        super().__init__(**named)
        self._loaded = loaded

    @cached_property
    def limits(self) -> ToolLimits:
        """See above."""
        from engine.tools.context import ToolLimits  # noqa: PLC0415 - as all of them

        places, tools = self._loaded.places, self._loaded.values.tools
        return ToolLimits(
            allowed_roots=tools.roots,
            # The journal and the settings are the engine's own: no tool reads or writes them.
            denied_roots=(places.data_dir, places.config_file, places.secrets_file, places.env_file),
            allowed_private_hosts=tools.allowed_private_hosts,
            command_allowlist=tools.command_allowlist,
            command_env=tools.command_env,
            max_output_bytes=tools.max_output_bytes,
            memory_bytes=tools.memory_mb * _MIB,
            cpu_seconds=tools.cpu_seconds,
            open_files=tools.open_files,
            processes=tools.processes,
            kill_grace_seconds=self._loaded.values.engine.kill_grace_seconds,
            calls_at_once=tools.max_concurrent_per_tool,
            calls_at_once_of_a_tenant=tools.max_concurrent_per_tenant,
            sandbox=tools.sandbox,
            hidden_roots=places.own,
            sandbox_reads=tools.sandbox_reads,
        )

    @cached_property
    def slo(self) -> Mapping[str, SloTargets]:
        """See above."""
        return self._loaded.values.slo.by_pack if "slo" in self._loaded.values.given else {}

    @cached_property
    def remote(self) -> Mapping[str, RemoteTool]:
        """See above."""
        return self._loaded.values.tools.remote if "tools" in self._loaded.values.given else {}

    @cached_property
    def mcp(self) -> Mapping[str, McpServer]:
        """See above."""
        return self._loaded.values.tools.mcp.servers if "tools" in self._loaded.values.given else {}

    @cached_property
    def settings_now(self) -> Callable[[], ChangedSettings | None] | None:
        """See above."""
        from vasini_tui.log_file import mask_in_log  # noqa: PLC0415 - only where runs are worked
        from vasini_tui.settings.settings_now import SettingsNow  # noqa: PLC0415 - as above

        places = self._loaded.places
        return SettingsNow(places.config_file, places.secrets_file, places.env_file, hide=mask_in_log)

    @cached_property
    def notify(self) -> Mapping[str, Callable[[Notice], Awaitable[None]]]:
        """See above."""
        if "notify" not in self._loaded.values.given:
            return {}
        from vasini_tui.notify.channels import wanted_channels  # noqa: PLC0415 - few are told elsewhere

        return wanted_channels(self._loaded)


def engine_config(loaded: LoadedSettings) -> EngineConfig:
    """What the engine is told, from the settings in force."""
    values, places = loaded.values, loaded.places
    return EngineConfig(
        data_dir=places.data_dir,
        runs_dir=places.runs_dir,
        cache_dir=places.cache_dir,
        shipped_packs=shipped_packs(),
        home_packs=places.packs_dir,
        rules=RulesInForce(loaded),
        operators=values.identity.operators,
        secrets={name: secret.get_secret_value() for name, secret in values.secrets.items()},
        redact=values.logging.redact,
        redact_patterns=values.logging.redact_patterns,
        lease_seconds=values.engine.lease_seconds,
        drain_seconds=values.engine.drain_seconds,
        poll_seconds=values.engine.poll_seconds,
        default_step_timeout=values.engine.default_step_timeout,
        pack_watch=values.packs.watch,
        pack_poll_seconds=values.packs.poll_seconds,
        signing_keys=values.packs.signing_keys,
        claim_seconds=values.engine.claim_seconds,
    )
