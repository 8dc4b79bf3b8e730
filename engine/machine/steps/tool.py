"""tool: one call, with its attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.tool_step import ToolStep
from engine.contracts.status import OnLost
from engine.machine.control import complete
from engine.machine.events.run_facts import GovernanceDecision
from engine.machine.model.effects import StartChild
from engine.machine.steps.kind import StepKind

if TYPE_CHECKING:
    from engine.machine.model.inputs import StepPrepared
    from engine.machine.transition_builder import TransitionBuilder


class ToolKind(StepKind[ToolStep]):
    """Calls a tool."""

    type = "tool"

    def start(
        self, builder: TransitionBuilder, step: ToolStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Start the first attempt, consuming the approval that gates it, or ask for one first."""
        if prepared.child is not None:
            self._run_flow(builder, step, prepared, prepared.child)
            return
        if prepared.answer is not None:
            self.started(builder, step, prepared.path, input=prepared.value, call=False, name=prepared.name)
            complete(builder, prepared.path, prepared.answer)
            return
        asks = approval is None and prepared.request is not None
        ask = not prepared.idempotent and (
            approval is not None
            or asks
            or step.on_lost is OnLost.ASK
            or (step.on_lost is None and prepared.acts_outside)
        )
        self.started(
            builder,
            step,
            prepared.path,
            approval,
            input=prepared.value,
            ask_when_lost=ask,
            name=prepared.name,
        )
        if prepared.verdict is not None and (asks or prepared.request is None):  # else the flow has asked
            builder.emit(GovernanceDecision(**prepared.verdict), prepared.path)
        if asks:
            self.ask_approval(builder, prepared)
        else:
            self.call(builder, prepared.path)

    def _run_flow(
        self, builder: TransitionBuilder, step: ToolStep, prepared: StepPrepared, child: tuple[str, Any]
    ) -> None:
        """What a model chose is a flow: it is queued in the same commit, as a subflow is."""
        path, run = prepared.path, prepared.new_id
        self.started(
            builder, step, path, input=prepared.value, call=False, child_run_id=run, name=prepared.name
        )
        builder.effect(StartChild(path, run, *child))
