"""What a step type is to the machine: one object per type, found by the type's name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from engine.contracts.flows.step import StepFields
from engine.machine.events.request_facts import PendingHuman
from engine.machine.events.step_facts import StepStarted
from engine.machine.model.effects import RunStep
from engine.machine.model.state import scope_path_of

if TYPE_CHECKING:
    from engine.machine.model.inputs import StepPrepared
    from engine.machine.transition_builder import TransitionBuilder

S = TypeVar("S", bound=StepFields)


class StepKind(ABC, Generic[S]):
    """How steps of one type start. What they are (calls, branches, retries) their model says."""

    type: ClassVar[str]

    @abstractmethod
    def start(
        self, builder: TransitionBuilder, step: S, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Start the step with its rendered data; `approval` is the path of the approval it consumes."""

    @staticmethod
    def started(
        builder: TransitionBuilder, step: S, path: str, approval: str | None = None, **given: Any
    ) -> None:
        """Emit step_started; a reopened execution counts its attempts on."""
        old = builder.execution(path)
        if old is not None:
            given |= {"attempt": old.attempt + 1, "budget_from": old.budget_from}
        fact = StepStarted(
            type=step.type,
            name=given.pop("name", "") or step.name or step.id,
            step_index=builder.graph.steps_of(scope_path_of(path)).position[step.id],
            call=given.pop("call", step.calls_tool or step.asks_model),
            model=step.asks_model,
            shows_steps=step.shows_steps,
            approval=approval,
            **given,
        )
        builder.emit(fact, path)

    @staticmethod
    def call(builder: TransitionBuilder, path: str) -> None:
        """Begin the call of an execution that has just started."""
        execution = builder.execution(path)
        builder.effect(RunStep(path, execution.attempt if execution else 1))

    @staticmethod
    def ask_approval(builder: TransitionBuilder, prepared: StepPrepared, **given: Any) -> None:
        """Let a person decide on what was prepared; `given` are further fields of the event."""
        fact = PendingHuman(
            approval_id=prepared.new_id,
            digest=prepared.digest,
            action_digest=prepared.action_digest,
            **given,
            **(prepared.request or {}),
        )
        builder.emit(fact, prepared.path)
