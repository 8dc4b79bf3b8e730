"""What is in force and from where, and what stands in the way. Looks only: makes no journal of its own."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sqlite3
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from engine.contracts.actor import EVERY_TENANT, Operator, Role
from engine.tools.process import cgroup
from engine.tools.sandbox.bubblewrap import bubblewrap
from vasini_tui.console.terminal.usable import terminal_problem
from vasini_tui.doctor.disk_use import disk_by_kind
from vasini_tui.doctor.opened_engine import open_and_look
from vasini_tui.doctor.warnings import warnings
from vasini_tui.exit_codes import EXIT_BY_ERROR, ExitCode
from vasini_tui.identity import login_name, over_ssh
from vasini_tui.outside_agents import outside_agents
from vasini_tui.server_text import server_line
from vasini_tui.wiring import OpenEngine, engine_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.errors import VasiniError
    from vasini_tui.settings.loading import LoadedSettings, SettingInForce


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything `doctor` reports; `errors` decide the exit status, `warnings` do not."""

    program: Mapping[str, Any]
    terminal: Mapping[str, Any]
    places: Mapping[str, str | None]
    identity: Mapping[str, Any]
    agents: Mapping[str, str]
    settings: tuple[SettingInForce, ...]
    journal: Mapping[str, Any]
    disk: Mapping[str, int]
    packs: tuple[Mapping[str, Any], ...]
    servers: tuple[str, ...]
    warnings: tuple[str, ...]
    errors: tuple[VasiniError, ...]

    @property
    def status(self) -> ExitCode:
        """7 when the journal is unusable, 2 for faulty settings, else 0."""
        codes = {EXIT_BY_ERROR[error.code] for error in self.errors}
        return ExitCode.UNAVAILABLE if ExitCode.UNAVAILABLE in codes else max(codes, default=ExitCode.OK)


async def examine(loaded: LoadedSettings, opener: OpenEngine, version: str, *, deep: bool) -> Examination:
    """Look at everything. Raises nothing of the engine: what is wrong is in the result."""
    places = loaded.places
    seen = await open_and_look(loaded, opener, deep=deep)
    agents, agent_faults = await asyncio.to_thread(outside_agents, loaded)
    return Examination(
        program={
            "version": version,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "system": f"{platform.system()} {platform.release()}",
            "git": shutil.which("git"),
            **await asyncio.to_thread(_sandbox, loaded),
            "limits": await asyncio.to_thread(_limits, loaded),
        },
        terminal=_terminal(),
        places={
            "VASINI_HOME": str(places.home) if places.home else None,
            "config": str(places.config_file),
            "secrets": str(places.secrets_file),
            "variables": str(places.env_file),
            "data": str(places.data_dir),
            "runs": str(places.runs_dir),
            "cache": str(places.cache_dir),
            "packs": str(places.packs_dir),
            "themes": str(places.themes_dir),
            "log": str(places.log_file),
        },
        identity=_identity(loaded),
        agents=agents,
        settings=tuple(loaded.in_force()),
        journal=seen.journal,
        disk=await asyncio.to_thread(disk_by_kind, places),
        packs=seen.packs,
        servers=await asyncio.to_thread(_servers, loaded),
        warnings=(*await asyncio.to_thread(warnings, loaded, seen), *agent_faults),
        errors=(*loaded.problems, *seen.errors),
    )


def _servers(loaded: LoadedSettings) -> tuple[str, ...]:
    """The state of every MCP server, as it was last seen."""
    if not loaded.values.tools.mcp.servers:
        return ()
    from engine.tools.mcp.records import views  # noqa: PLC0415 - few have servers

    config = engine_config(loaded)
    found = [server_line(server) for server in views(config.servers_dir, config.rules.mcp)]
    if find_spec("mcp") is None:
        found.append("none of them can be used without the extra `mcp`: pip install 'vasini-tui[mcp]'")
    return tuple(found)


def _limits(loaded: LoadedSettings) -> str:
    """What holds the memory and the number of processes of a call."""
    tools, held_by = loaded.values.tools, cgroup.place()
    if held_by is not None:
        return f"cgroup below {held_by}: {tools.memory_mb} MiB and {tools.processes} processes a call"
    return (
        f"no cgroup is delegated: {tools.memory_mb} MiB a process (RLIMIT_DATA), {tools.processes} processes "
        "a call, counted 5 to 20 times a second"
    )


def _sandbox(loaded: LoadedSettings) -> dict[str, str]:
    """The highest level that calls can have here, by what, and who gets it."""
    found, setting = bubblewrap(), loaded.values.tools.sandbox
    who = {"auto": "calls that want it or must be", "process": "calls that must be", "isolated": "all calls"}
    level = "process" if found.program is None else "isolated"
    return {"sandbox": level, "isolation": f"{found.words}; tools.sandbox: {setting} ({who[setting]})"}


def _terminal() -> dict[str, Any]:
    size = shutil.get_terminal_size()
    return {
        "term": os.environ.get("TERM"),
        "size": f"{size.columns}x{size.lines}",
        "encoding": sys.stdout.encoding,
        "problem": terminal_problem(),
    }


def _identity(loaded: LoadedSettings) -> dict[str, Any]:
    """Who this session is, and what it may do."""
    account, operators = login_name(), loaded.values.identity.operators
    known = operators.get(account)
    everything = Operator(tenants=(EVERY_TENANT,), roles=frozenset({Role.ADMIN}))
    mine = known if operators else everything
    return {
        "account": account,
        "over_ssh": over_ssh(),
        "operators": len(operators),
        "tenants": list(mine.tenants) if mine else [],
        "roles": sorted(mine.roles) if mine else [],
    }
