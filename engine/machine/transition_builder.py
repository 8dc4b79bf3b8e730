"""A transition being made: the state so far, the events and effects it has brought."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.machine.events.event import Event
from engine.machine.model.state import Execution, RunState, Scope, find_execution, find_scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.flows.step import Step
    from engine.contracts.status import StepStatus
    from engine.machine.events.event import Fact
    from engine.machine.model.effects import Effect
    from engine.machine.model.graph import FlowGraph
    from engine.machine.model.inputs import Input


@dataclass(slots=True)
class TransitionBuilder:
    """Local to one call of `transition`; nothing of it is shared or kept."""

    graph: FlowGraph
    state: RunState
    input: Input
    events: list[Event] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def emit(self, fact: Fact, step_id: str | None = None) -> None:
        """Add an event and what it changes; the state counts its events when all are there."""
        event = Event(fact, self.input.now, self.input.actor, step_id, self.input.via)
        self.state = fact.apply(self.state, event)
        self.events.append(event)

    def effect(self, effect: Effect) -> None:
        """Add something for the runtime to do."""
        self.effects.append(effect)

    def execution(self, path: str) -> Execution | None:
        """The execution at `path` as the builder has it now."""
        return find_execution(self.state.root, path)

    def decided(
        self, path: str, request_id: str, status: StepStatus
    ) -> tuple[Execution, Mapping[str, Any]] | None:
        """The execution at `path` that waited, in `status`, for this request, and what was decided."""
        execution = self.execution(path)
        if execution is None or execution.status is not status or execution.request_id != request_id:
            return None
        return None if execution.decision is None else (execution, execution.decision)

    def scope(self, path: str) -> Scope | None:
        """The scope at `path` as the builder has it now."""
        return find_scope(self.state.root, path)

    def step(self, path: str) -> Step:
        """The definition behind an execution path."""
        return self.graph.step_at(path)


def failure(code: str, message: str, /, **details: Any) -> dict[str, Any]:
    """An error as events carry it. Foreign details may have any name."""
    return {"code": str(code), "message": message, "details": details}
