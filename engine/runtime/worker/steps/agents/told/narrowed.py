"""Tools that a person has hidden from the models of a run, from their next turn on."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from engine.contracts.flows.agent_step import FLOW_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.machine.model.state import RunState


def hidden_tools(state: RunState, tools: Iterable[str]) -> list[str]:
    """Those of the tools that models may not choose as things stand.

    What a flow starts is not bound: it is hidden, too, unless it is named as one of the only ones.
    """
    narrowed = state.narrowed
    if narrowed is None:
        return []
    only, without = narrowed["only"], narrowed["without"]

    def hidden(tool: str) -> bool:
        if _fits(tool, without):
            return True
        return not _fits(tool, only) if only is not None else tool.startswith(FLOW_PREFIX)

    return [tool for tool in tools if hidden(tool)]


def _fits(tool: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(tool, pattern) for pattern in patterns)
