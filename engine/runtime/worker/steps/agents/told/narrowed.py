"""Tools that a person has hidden from the models of a run, from their next turn on or in one turn alone."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import FLOW_PREFIX
from engine.machine.steps.agent import NARROWED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.machine.model.state import Execution, RunState


def hidden_tools(state: RunState, model: Execution, tools: Iterable[str]) -> list[str]:
    """Those of the tools that the model of a turn may not choose as things stand."""
    return hidden_by((state.narrowed, (model.input or {}).get(NARROWED)), tools)


def hidden_by(bounds: Iterable[Mapping[str, Any] | None], tools: Iterable[str]) -> list[str]:
    """Those of the tools that at least one of the bounds hides."""
    said = [one for one in bounds if one is not None]
    return [tool for tool in tools if any(_hides(one, tool) for one in said)]


def _hides(bound: Mapping[str, Any], tool: str) -> bool:
    """What a flow starts is not bound: it is hidden, too, unless it is named as one of the only ones."""
    if _fits(tool, bound["without"]):
        return True
    only = bound["only"]
    return not _fits(tool, only) if only is not None else tool.startswith(FLOW_PREFIX)


def _fits(tool: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(tool, pattern) for pattern in patterns)
