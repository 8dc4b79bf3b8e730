"""A call whose outcome nobody knows: a person says what became of it before anything acts again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import OutcomeDecision, StepErrorCode, StepStatus
from engine.machine.control import complete, fail
from engine.machine.events.request_facts import OutcomeUnknown
from engine.machine.events.step_facts import StepRecovered
from engine.machine.model.effects import RunStep
from engine.machine.model.state import scope_path_of
from engine.machine.transition_builder import TransitionBuilder, failure
from engine.machine.walk import is_held

if TYPE_CHECKING:
    from engine.machine.model.inputs import OutcomeDecided, StepInterrupted
    from engine.machine.model.state import Execution


def ask_outcome(
    builder: TransitionBuilder, execution: Execution, given: StepInterrupted, recoveries: int
) -> None:
    """Wait for a person instead of calling again."""
    step = builder.step(execution.path)
    gates = builder.graph.steps_of(scope_path_of(execution.path)).gated_by
    fact = OutcomeUnknown(
        request_id=given.new_id,
        target=step.target,
        attempt=execution.attempt,
        lost=given.lost,
        gated=execution.step in gates,
        recoveries=recoveries,
    )
    builder.emit(fact, execution.path)


def outcome_decided(builder: TransitionBuilder, given: OutcomeDecided) -> None:
    """Go on with what a person said; the event is already part of the state."""
    found = builder.decided(given.path, given.request_id, StepStatus.PENDING_HUMAN)
    if found is None:
        return
    execution, said = found
    match OutcomeDecision(said["outcome"]):
        case OutcomeDecision.RUN_AGAIN:
            if not is_held(builder.state):
                run_again(builder, execution)
        case OutcomeDecision.DONE:
            complete(builder, given.path, said["output"])
        case OutcomeDecision.FAIL:
            comment = f": {said['comment']}" if said["comment"] else ""
            message = f"the call was interrupted, {said['decided_by']} ended the step{comment}"
            fail(builder, given.path, failure(StepErrorCode.OUTCOME_UNKNOWN, message))


def run_again(builder: TransitionBuilder, execution: Execution) -> None:
    """Make the interrupted call once more, as the same attempt."""
    builder.emit(StepRecovered(execution.recoveries, execution.attempt), execution.path)
    builder.effect(RunStep(execution.path, execution.attempt))


def is_to_run_again(execution: Execution) -> bool:
    """Whether somebody has said so while the run was held."""
    said = execution.decision or {}
    return said.get("outcome") == OutcomeDecision.RUN_AGAIN and execution.status is StepStatus.PENDING_HUMAN
