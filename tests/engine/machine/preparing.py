"""The worker's part of a simulated run: what the machine asks to have prepared becomes an input."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.machine.model import effects, inputs
from engine.machine.model.state import RunState, find_execution, outer_path_of, scope_path_of
from tests.engine.machine.plan_rendering import as_planned
from tests.engine.machine.rendering import CALLS_OF_A_TURN, prepared, prepared_output, resolved

if TYPE_CHECKING:
    from engine.machine.model.graph import FlowGraph


@dataclass
class Preparing:
    """Prepares as the test says: what tools say of themselves, how actions drift, what models want."""

    idempotent: bool = False
    outside: bool = False
    asks: bool = False
    wanted: deque[int] = field(default_factory=deque)
    drift: Counter[str] = field(default_factory=Counter)
    output_error: dict[str, Any] | None = None

    def answer(
        self, graph: FlowGraph, state: RunState, effect: effects.Effect, now: int, number: int
    ) -> inputs.Input:
        """The input that answers `effect`; `number` makes a fresh id."""
        match effect:
            case effects.Prepare():
                return self._step(graph, state, effect.path, now, number)
            case effects.Collect():
                return inputs.Collected(now=now, path=effect.path, value=resolved(effect.value))
            case effects.PrepareOutput():
                return prepared_output(effect.value, now, self.output_error)
            case _:
                raise AssertionError(f"{effect} is no preparation")

    def _step(self, graph: FlowGraph, state: RunState, path: str, now: int, number: int) -> inputs.Input:
        wants = number % CALLS_OF_A_TURN
        if self.wanted and path.endswith(("/calls", "/review", "/steps")):
            wants = self.wanted.popleft()
        given = prepared(
            graph,
            path,
            now,
            number,
            self.drift,
            asks=self.asks,
            wants=wants,
            left=_has_left(state, path),
            hears=_hears(state, path),
        )
        given = as_planned(graph.step_at(path), given, state, wants, self.drift["plan"])
        return replace(given, idempotent=self.idempotent, acts_outside=self.outside)


def _hears(state: RunState, path: str) -> bool:
    """Whether the turn before this one made calls."""
    agent = find_execution(state.root, outer_path_of(path))
    turns = agent.branches.outputs.in_order() if agent is not None and agent.branches is not None else []
    last = turns[-1] if turns else None
    return isinstance(last, dict) and bool(last.get("results", {}).get("$list"))


def _has_left(state: RunState, path: str) -> bool:
    """Whether what a person said in this turn was nothing."""
    said = find_execution(state.root, f"{scope_path_of(path)}/message")
    output = said.output if said is not None else None
    return isinstance(output, dict) and output.get("values") == {"text": ""}
