"""What a person says in a conversation: the message of a turn, and whether it was the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import MESSAGE
from engine.contracts.status import StepStatus
from engine.machine.model.state import find_execution, scope_path_of
from engine.values import follow

if TYPE_CHECKING:
    from engine.machine.model.state import Execution, RunState
    from engine.runtime.worker.steps.rendering import Rendering


def message_of_turn(state: RunState, scope: str) -> Execution | None:
    """The execution in which a person said something at the beginning of the turn, if one did."""
    found = find_execution(state.root, f"{scope}/{MESSAGE}")
    return found if found is not None and found.status is StepStatus.COMPLETED else None


def text_of(answer: Any) -> str:
    """What was said, without blanks around it: nothing means that the conversation is over."""
    return str(answer["values"].get("text") or "").strip()


def has_left(at: Rendering) -> bool:
    """Whether the person said in this turn that the conversation is over. Raises BlobNeeded."""
    said = message_of_turn(at.state, scope_path_of(at.path))
    return said is not None and not text_of(follow(said.output, at.values.resolve))
