"""What each configured agent of another program is here: whether it can be started, and how."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from engine.acp.calls import CALL_KINDS
from engine.acp.settings import SecretName
from engine.tools.process.command_runner import program_path, search_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.acp.settings import AcpAgent
    from vasini_tui.settings.loading import LoadedSettings


def outside_agents(loaded: LoadedSettings) -> tuple[dict[str, str], list[str]]:
    """Each by its name in words, and what is wrong with them (blocking)."""
    words: dict[str, str] = {}
    warnings: list[str] = []
    for name, agent in loaded.values.agents.acp.items():
        faults = list(_faults(agent, loaded))
        where = _program(agent, loaded)
        words[f"acp:{name}"] = "; ".join(faults) or f"found: {where}, level {agent.sandbox}"
        warnings += [f"agents.acp.{name}: {fault}" for fault in faults]
    return words, warnings


def policy_names(loaded: LoadedSettings) -> frozenset[str]:
    """Under which policies know them and what they ask for."""
    names = loaded.values.agents.acp
    return frozenset(
        f"acp.{name}{kind}" for name in names for kind in ("", *(f".{one}" for one in CALL_KINDS))
    )


def _is_in_runs(agent: AcpAgent) -> bool:
    return "/" in agent.command and agent.cwd is None and not Path(agent.command).is_absolute()


def _program(agent: AcpAgent, loaded: LoadedSettings) -> str | None:
    """Where a worker finds its program, which looks where the agent's own environment says."""
    said = agent.env.get("PATH", search_path())
    if not isinstance(said, SecretName):
        return program_path(agent.command, agent.cwd or Path("/"), said)
    secret = loaded.values.secrets.get(said.name)
    path = "" if secret is None else secret.get_secret_value()
    return program_path(agent.command, agent.cwd or Path("/"), path)


def _faults(agent: AcpAgent, loaded: LoadedSettings) -> Iterator[str]:
    if _is_in_runs(agent):
        words = "would be looked for in the folder of each run; write the whole path"
        yield f"not found: {agent.command!r} {words}"
    elif _program(agent, loaded) is None:
        yield f"not found: there is no command {agent.command!r}"
    if agent.cwd is not None and not agent.cwd.is_dir():
        yield f"not found: the folder {agent.cwd} is not there"
    if find_spec("acp") is None:
        yield "the extra `acp` is missing: pip install 'vasini-tui[acp]'"
    for value in agent.env.values():
        if isinstance(value, SecretName) and value.name not in loaded.values.secrets:
            yield f"the secret {value.name!r} is not set"
