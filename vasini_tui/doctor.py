"""What is in force and from where, and what stands in the way. Looks only: makes no journal of its own."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sqlite3
import stat
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engine.budget.caps import EACH
from engine.budget.price_book import PriceBook
from engine.contracts.actor import EVERY_TENANT, Operator, Role
from engine.contracts.governing.budget import CapScope
from engine.errors import ErrorCode, Unavailable, VasiniError
from engine.journal.sqlite.file.check import find_damage
from engine.tools.builtin.all import builtin_registry
from engine.tools.pack_code.pack_tools import tool_prefix
from engine.tools.process import cgroup
from engine.tools.sandbox.bubblewrap import bubblewrap
from vasini_tui.console.terminal.usable import terminal_problem
from vasini_tui.disk_use import disk_by_kind
from vasini_tui.exit_codes import EXIT_BY_ERROR, ExitCode
from vasini_tui.identity import account_exists, login_name, over_ssh
from vasini_tui.outside_agents import outside_agents, policy_names
from vasini_tui.server_text import server_line
from vasini_tui.settings.places import Places, shared_with_group
from vasini_tui.settings.variables import unknown_variables
from vasini_tui.wiring import OpenEngine, engine_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.governance.policies import Policies
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


@dataclass(slots=True)
class _Engine:
    """What could be learned by opening an engine."""

    journal: dict[str, Any]
    packs: tuple[Mapping[str, Any], ...] = ()
    errors: list[VasiniError] = field(default_factory=list)


async def examine(
    loaded: LoadedSettings, opener: OpenEngine, version: str, *, deep: bool = False
) -> Examination:
    """Look at everything. Raises nothing of the engine: what is wrong is in the result."""
    places = loaded.places
    seen = await _ask_engine(loaded, opener, deep=deep)
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
        warnings=(
            *_sharing(places),
            *_operators(loaded),
            *_variables(),
            *_policy_names(loaded, seen),
            *_models(loaded),
            *agent_faults,
            *await asyncio.to_thread(_budget, loaded, seen),
            *await asyncio.to_thread(_own_themes, places),
        ),
        errors=(*loaded.problems, *seen.errors),
    )


def _policy_names(loaded: LoadedSettings, seen: _Engine) -> list[str]:
    """Names in the lists of the policies that nothing has; a tool of a pack begins with the pack's name."""
    policies = loaded.values.policies
    packs = frozenset(str(pack["pack"]) for pack in seen.packs)
    own = tuple(f"{server}." for server in loaded.values.tools.mcp.servers)
    own += tuple(tool_prefix(pack) for pack in packs)
    listed: tuple[Policies, ...] = (policies, *policies.by_pack.values())
    named = {name for one in listed for name in (*one.allowed_tools, *one.blocked_tools)}
    if not named and not policies.by_pack:
        return []
    builtin = {spec.name for spec in builtin_registry().specs()} | policy_names(loaded)
    return policies.unknown_names(
        frozenset(builtin | {name for name in named if name.startswith(own)}), packs
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


async def _ask_engine(loaded: LoadedSettings, opener: OpenEngine, *, deep: bool) -> _Engine:
    file = loaded.places.journal_file
    state = "ok" if file.exists() else "missing"
    seen = _Engine({"state": state, "path": str(file)})
    if state == "ok":
        seen.journal |= await asyncio.to_thread(_journal_file, file)
        try:
            await _read_engine(loaded, opener, seen)
        except VasiniError as error:
            seen.journal["state"] = error.code.removeprefix("journal_")
            seen.errors.append(error)
        else:
            await _check_journal(file, seen, deep=deep)
            return seen
    elif not _can_be_made(file):
        seen.journal["state"] = "read_only"
        message = f"the journal {file} cannot be made there; choose another VASINI_HOME"
        seen.errors.append(Unavailable(ErrorCode.READ_ONLY, message))
    await _packs_without_journal(loaded, opener, seen)
    return seen


async def _check_journal(file: Path, seen: _Engine, *, deep: bool) -> None:
    """What is damaged inside a journal that can be opened."""
    try:
        damages = await asyncio.to_thread(find_damage, file, deep=deep)
    except VasiniError as error:
        damages = []
        seen.errors.append(error)
    seen.journal["checked"] = "all of it" if deep else "pages, waiting mail and runs that are not over"
    if not os.access(file, os.W_OK):
        seen.journal["state"] = "read_only"
        seen.errors.append(Unavailable(ErrorCode.READ_ONLY, f"{file} can be read and not written"))
    for damage in damages:
        seen.journal["state"] = "corrupt"
        details = {"path": str(file), "run_id": damage.run_id}
        seen.errors.append(Unavailable(ErrorCode.JOURNAL_CORRUPT, f"{file}: {damage.message}", details))


async def _read_engine(loaded: LoadedSettings, opener: OpenEngine, seen: _Engine) -> None:
    async with opener(engine_config(loaded)) as engine:
        counts = await engine.runs.counts()
        seen.journal["runs"] = {status.value: number for status, number in counts.runs.items()}
        seen.journal["approvals_pending"] = counts.approvals_pending
        seen.journal["forms_pending"] = counts.forms_pending
        seen.journal["workers"] = [
            {
                "worker_id": worker.worker_id,
                "host": worker.host,
                "pid": worker.pid,
                "alive": worker.alive,
                "runs_held": worker.runs_held,
                "resting_models": {one.name: round(one.seconds) for one in worker.resting},
            }
            for worker in await engine.workers()
        ]
        seen.packs = tuple(
            {
                "pack": pack.pack,
                "version": pack.version,
                "source": pack.source,
                "flows": len(pack.flows),
                "problems": len(pack.problems),
            }
            for pack in await engine.packs.list()
        )


async def _packs_without_journal(loaded: LoadedSettings, opener: OpenEngine, seen: _Engine) -> None:
    """Packs can be told even without a usable journal: an engine on a throw-away one loads them."""
    aside = _Engine({})
    with tempfile.TemporaryDirectory(prefix="vasini-doctor-") as name:
        directory = Path(name)
        config = replace(
            engine_config(loaded),
            data_dir=directory / "data",
            runs_dir=directory / "runs",
            cache_dir=directory / "cache",
        )
        for made in (config.data_dir, config.runs_dir, config.cache_dir):
            made.mkdir()
        try:
            await _read_engine(loaded, lambda _: opener(config), aside)
        except VasiniError as error:
            seen.errors.append(error)
    seen.packs = aside.packs


def _journal_file(file: Path) -> dict[str, Any]:
    """Sizes and schema version, without locking or changing anything."""
    wal = file.with_name(f"{file.name}-wal")
    facts: dict[str, Any] = {
        "bytes": file.stat().st_size,
        "wal_bytes": wal.stat().st_size if wal.exists() else 0,
        "schema_version": None,
    }
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
            (facts["schema_version"],) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error:
        # Opening the engine says what is wrong with it, in words.
        return facts
    return facts


def _can_be_made(file: Path) -> bool:
    nearest = next(place for place in file.parents if place.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _terminal() -> dict[str, Any]:
    size = shutil.get_terminal_size()
    return {
        "term": os.environ.get("TERM"),
        "size": f"{size.columns}x{size.lines}",
        "encoding": sys.stdout.encoding,
        "problem": terminal_problem(),
    }


def _sharing(places: Places) -> list[str]:
    """A home that a group shares: what the others write must stay writable for all (governance)."""
    if places.home is None or not shared_with_group(places.home):
        return []
    warnings = []
    for directory in (places.home, places.data_dir, places.runs_dir):
        if not directory.is_dir():
            continue
        mode = directory.stat().st_mode
        if not mode & stat.S_ISGID:
            warnings.append(f"{directory} is shared but not setgid; run: chmod g+s {directory}")
        if not mode & stat.S_IWGRP:
            warnings.append(f"{directory} cannot be written by its group; run: chmod g+w {directory}")
    journal = places.journal_file
    if journal.exists() and not journal.stat().st_mode & stat.S_IWGRP:
        warnings.append(f"{journal} cannot be written by its group; run: chmod g+rw {journal}")
    return warnings


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


def _operators(loaded: LoadedSettings) -> list[str]:
    """Logins that the system does not know: nobody will ever be them."""
    unknown = [login for login in loaded.values.identity.operators if not account_exists(login)]
    return [f"identity.operators names {login}, which is no account of this machine" for login in unknown]


def _models(loaded: LoadedSettings) -> list[str]:
    """Models that nobody can ask: the secret that opens them is not there."""
    values = loaded.values
    return [
        f"models.named.{name} is opened by the secret {model.key_name!r}, which is not set"
        for name, model in values.models.named.items()
        if model.key_name and model.key_name not in values.secrets
    ]


def _budget(loaded: LoadedSettings, seen: _Engine) -> list[str]:
    """Caps of packs that there are not, and models and agents of unknown price, which a hard cap refuses."""
    values = loaded.values
    packs = {str(pack["pack"]) for pack in seen.packs}
    named = sorted({one.of for one in values.budget.caps if one.scope is CapScope.PACK} - {EACH} - packs)
    found = [f"budget.caps: there is no pack `{pack}`" for pack in named]
    if values.budget.unpriced == "refuse" and any(one.hard is not None for one in values.budget.caps):
        unknown = (one.name for one in PriceBook(values.models, values.budget).quotes() if one.price is None)
        found += [
            f"what the model {name} costs is not known: it is refused where a hard cap holds (budget.prices)"
            for name in unknown
        ]
        found += [
            f"what the agent acp:{name} will cost nobody knows: it is refused where a hard cap holds"
            " (budget.unpriced)"
            for name in values.agents.acp
        ]
    return found


def _own_themes(places: Places) -> list[str]:
    """Themes that cannot be used or are hard to read; the console goes on with another."""
    if not places.themes_dir.is_dir():
        return []
    from vasini_tui.console.themes.themes import find_themes  # noqa: PLC0415  # loads Textual

    own = find_themes(places.themes_dir).own
    return [*(problem.message for problem in own.problems.values()), *own.warnings]


def _variables() -> list[str]:
    return [f"the environment variable {name} sets nothing: no such setting" for name in unknown_variables()]
