"""`vasini agents`: the agents that any flow may name, of the engine and of the settings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.core_agents import CORE_AGENTS
from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vasini_tui.settings.loading import LoadedSettings
    from vasini_tui.wiring import Session


def agents(as_json: AsJson = False, act_as: ActAs = None) -> Invocation:
    """List the agents that a flow may name. Core agents, and programs of the settings."""
    return Invocation(_agents, as_json, act_as)


async def _agents(session: Session) -> int:
    found = await asyncio.to_thread(lambda: list(_named(session.loaded)))
    if session.out.as_json:
        session.out.document({"agents": found})
    else:
        rows = ((one["name"], one["source"], one["about"]) for one in found)
        session.out.table(("AGENT", "SOURCE", "DOES"), rows)
    return ExitCode.OK


def _named(loaded: LoadedSettings) -> Iterator[dict[str, Any]]:
    from vasini_tui.outside_agents import outside_agents  # noqa: PLC0415 - loads what looks for programs

    for core in CORE_AGENTS.values():
        model, output = core.fields.get("model"), core.fields.get("output")
        yield {"name": core.name, "source": "engine", "about": core.about, "model": model, "output": output}
    for name, words in outside_agents(loaded)[0].items():
        yield {"name": name, "source": "settings", "about": words, "model": None, "output": None}
