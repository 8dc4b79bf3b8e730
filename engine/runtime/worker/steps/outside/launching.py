"""How the program of an agent is started: what it is given, and what it may see."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.acp.failure import AgentFailure, AgentReason
from engine.acp.settings import AgentSettings, SecretName
from engine.contracts.sandbox_level import SandboxLevel, highest_wish
from engine.tools.failure import ToolFailure
from engine.tools.process.command_runner import child_environment, program_path
from engine.tools.process.held_program import KEPT_BYTES
from engine.tools.sandbox.confining import isolating
from engine.tools.sandbox_spec import SandboxSpec
from engine.tools.secret_references import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from engine.acp.settings import AcpAgent
    from engine.governance.tools_layer import ToolsLayer
    from engine.tools.context import ToolLimits
    from engine.tools.sandbox.bubblewrap import Bubblewrap


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that a process is started with, and what must not be seen of it."""

    argv: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    limits: ToolLimits
    level: SandboxLevel
    redaction: Redaction


class Launching:
    """Makes launches from the settings. `limits` are the operator's."""

    def __init__(
        self,
        settings: AgentSettings,
        secrets: Mapping[str, str],
        limits: ToolLimits,
        bubblewrap: Callable[[], Bubblewrap],
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._limits = limits
        self._bubblewrap = bubblewrap

    def use_secrets(self, secrets: Mapping[str, str]) -> None:
        """Programs that start from now on get these."""
        self._secrets = secrets

    async def launch(self, name: str, layer: ToolsLayer | None, workdir: Path, home: Path) -> Launch:
        """How the agent `name` is started for a run. Raises AgentFailure."""
        agent = self._settings.acp.get(name)
        if agent is None:
            known = ", ".join(sorted(self._settings.acp)) or "none"
            message = f"there is no agent {name!r} below agents.acp in the settings; there are: {known}"
            raise AgentFailure(AgentReason.NOT_CONFIGURED, message, agent=name)
        used: set[str] = set()
        given = {key: self._value(name, value, used) for key, value in agent.env.items()}
        cwd = agent.cwd or workdir
        limits = replace(self._limits, max_output_bytes=KEPT_BYTES)
        environment = child_environment(workdir, limits, {"HOME": str(home), **given})
        program = await asyncio.to_thread(program_path, agent.command, cwd, environment["PATH"])
        if program is None:
            message = (
                f"the command {agent.command!r} of the agent {name} is not there (agents.acp.{name}.command)"
            )
            raise AgentFailure(AgentReason.CANNOT_START, message, agent=name)
        sandbox = await self._sandbox(name, agent, layer, (cwd, workdir, home))
        return Launch(
            (program, *agent.args),
            cwd,
            environment,
            limits if sandbox is None else replace(limits, isolated_in=sandbox),
            "process" if sandbox is None else "isolated",
            Redaction(used),
        )

    def _value(self, name: str, value: str | SecretName, used: set[str]) -> str:
        if not isinstance(value, SecretName):
            return value
        secret = self._secrets.get(value.name)
        if secret is None:
            message = (
                f"the secret {value.name!r} of agents.acp.{name}.env is not known; add it to secrets.yaml"
            )
            raise AgentFailure(AgentReason.CANNOT_START, message, agent=name)
        used.add(secret)
        return secret

    async def _sandbox(
        self, name: str, agent: AcpAgent, layer: ToolsLayer | None, places: tuple[Path, ...]
    ) -> SandboxSpec | None:
        bounds = layer.bounds(f"acp.{name}") if layer is not None else None
        wish = highest_wish(
            agent.sandbox,
            layer.level if layer is not None else None,
            bounds.level if bounds is not None else None,
        )
        try:
            program = await isolating(self._limits, wish, f"the agent {name}", self._bubblewrap)
        except ToolFailure as failed:
            raise AgentFailure(AgentReason.CANNOT_START, failed.message, agent=name) from None
        if program is None:
            return None
        limits = self._limits
        return SandboxSpec(
            program,
            reads=limits.sandbox_reads,
            writes=places,
            hidden=limits.hidden_roots,
            denied=limits.denied_roots,
            network=agent.network,
        )
