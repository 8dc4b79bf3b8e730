"""What an operator would want mended, though everything goes on without it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.budget.caps import EACH
from engine.budget.price_book import PriceBook
from engine.contracts.flows.agent_step import MODEL_RETRY
from engine.contracts.governing.budget import CapScope
from engine.tools.builtin.all import builtin_registry
from engine.tools.mcp.settings import SecretReference
from engine.tools.pack_code.pack_tools import tool_prefix
from vasini_tui.identity import account_exists
from vasini_tui.outside_agents import policy_names
from vasini_tui.settings.places import Places, shared_with_group
from vasini_tui.settings.variables import unknown_variables

if TYPE_CHECKING:
    from pathlib import Path

    from engine.governance.policies import Policies
    from vasini_tui.doctor.opened_engine import OpenedEngine
    from vasini_tui.settings.loading import LoadedSettings


def warnings(loaded: LoadedSettings, seen: OpenedEngine) -> tuple[str, ...]:
    """All of them. Blocks on the disk: call in a thread."""
    return (
        *_sharing(loaded.places),
        *_operators(loaded),
        *_variables(),
        *_policy_names(loaded, seen),
        *_unopened_models(loaded),
        *_unreached_tiers(loaded),
        *_unopened_tools(loaded),
        *_budget(loaded, seen),
        *_own_themes(loaded.places),
    )


def _policy_names(loaded: LoadedSettings, seen: OpenedEngine) -> list[str]:
    """Names in the lists of the policies that nothing has; a tool of a pack begins with the pack's name."""
    policies = loaded.values.policies
    packs = frozenset(str(pack["pack"]) for pack in seen.packs)
    own = tuple(f"{server}." for server in loaded.values.tools.mcp.servers)
    own += tuple(tool_prefix(pack) for pack in packs)
    listed: tuple[Policies, ...] = (policies, *policies.by_pack.values())
    named = {name for one in listed for name in (*one.allowed_tools, *one.blocked_tools)}
    models = any(one.allowed_models or one.blocked_models for one in listed)
    if not named and not models and not policies.by_pack:
        return []
    builtin = {spec.name for spec in builtin_registry().specs()} | policy_names(loaded)
    builtin |= loaded.values.tools.remote.keys()
    return policies.unknown_names(
        frozenset(builtin | {name for name in named if name.startswith(own)}),
        frozenset(loaded.values.models.all),
        packs,
    )


def _sharing(places: Places) -> list[str]:
    """A home that a group shares: what the others write must stay writable for all (governance)."""
    if places.home is None or not shared_with_group(places.home):
        return []
    found = []
    for directory in (places.home, places.data_dir, places.runs_dir):
        if not directory.is_dir():
            continue
        mode = directory.stat().st_mode
        if not mode & stat.S_ISGID:
            found.append(f"{directory} is shared but not setgid; run: chmod g+s {directory}")
        if not mode & stat.S_IWGRP:
            found.append(f"{directory} cannot be written by its group; run: chmod g+w {directory}")
    for directory in (places.data_dir, places.runs_dir):
        closed = _closed_to_group(directory)
        if closed:
            words = f"{closed[0]} cannot be written by its group"
            more = f", nor can {len(closed) - 1} more beside it" if closed[1:] else ""
            found.append(f"{words}{more}; run: chmod -R g+rwX {directory}")
    return found


def _closed_to_group(directory: Path) -> list[Path]:
    """What somebody whose umask keeps the group out has made there."""
    found = []
    with suppress(OSError):  # it is not there, or this account may not look into it
        for entry in sorted(directory.iterdir()):
            with suppress(FileNotFoundError):  # journals have files that come and go
                if not entry.lstat().st_mode & stat.S_IWGRP:
                    found.append(entry)
    return found


def _operators(loaded: LoadedSettings) -> list[str]:
    """Logins that the system does not know: nobody will ever be them."""
    unknown = [login for login in loaded.values.identity.operators if not account_exists(login)]
    return [f"identity.operators names {login}, which is no account of this machine" for login in unknown]


def _unopened_models(loaded: LoadedSettings) -> list[str]:
    """Models that nobody can ask: the secret that opens them is not there."""
    values = loaded.values
    return [
        f"models.named.{name} is opened by the secret {model.key_name!r}, which is not set"
        for name, model in values.models.named.items()
        if model.key_name and model.key_name not in values.secrets
    ]


def _unreached_tiers(loaded: LoadedSettings) -> list[str]:
    """Models of a chain that an agent without a `retry` of its own never asks: each attempt asks one."""
    models, asked = loaded.values.models, MODEL_RETRY.max_attempts
    chain = list(dict.fromkeys(models.tiers[tier] for tier in models.fallback if tier in models.tiers))
    if len(chain) <= asked:
        return []
    return [
        f"models.fallback: from its first tier on {', '.join(chain[asked:])} is asked by steps alone whose"
        f" `retry.max_attempts` is {len(chain)}: it is {asked} where they say nothing"
    ]


def _unopened_tools(loaded: LoadedSettings) -> list[str]:
    """HTTP tools and MCP servers that are given a secret that is not there: no call of them begins."""
    tools, secrets = loaded.values.tools, loaded.values.secrets
    given: dict[str, tuple[str | SecretReference, ...]] = {
        f"tools.remote.{name}": tuple(tool.headers.values()) for name, tool in tools.remote.items()
    }
    for name, server in tools.mcp.servers.items():
        given[f"tools.mcp.servers.{name}"] = (*server.headers.values(), *server.env.values())
    return [
        f"{place} is given the secret {secret!r}, which is not set"
        for place, values in given.items()
        for secret in dict.fromkeys(one.secret for one in values if isinstance(one, SecretReference))
        if secret not in secrets
    ]


def _budget(loaded: LoadedSettings, seen: OpenedEngine) -> list[str]:
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
    if not os.path.isdir(places.themes_dir):  # noqa: PTH112 - that of Path raises where it may not look
        return []
    from vasini_tui.console.themes.themes import find_themes  # noqa: PLC0415  # loads Textual

    themes = find_themes(places.themes_dir)
    found = [problem.message for problem in themes.own.problems.values()]
    found += [f"{places.themes_dir / name}.yaml: {words}" for name, words in themes.hard_to_read()]
    if themes.own.left_out:
        found.append(f"{places.themes_dir}: {themes.own.left_out} themes are not read: only the first are")
    return found


def _variables() -> list[str]:
    return [f"the environment variable {name} sets nothing: no such setting" for name in unknown_variables()]
