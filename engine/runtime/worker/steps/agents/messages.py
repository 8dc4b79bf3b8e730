"""What a person says in a conversation: the message of a turn, and whether it was the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import MESSAGE
from engine.contracts.status import StepStatus
from engine.machine.model.state import find_execution, scope_path_of
from engine.values import images_in, resolve_value

if TYPE_CHECKING:
    from engine.machine.model.state import Execution, RunState
    from engine.runtime.worker.steps.rendering import Rendering
    from engine.values import ImageRef


def message_of_turn(state: RunState, scope: str) -> Execution | None:
    """The execution in which a person said something at the beginning of the turn, if one did."""
    found = find_execution(state.root, f"{scope}/{MESSAGE}")
    return found if found is not None and found.status is StepStatus.COMPLETED else None


def text_of(answer: Any) -> str:
    """What was said, without blanks around it; nothing, no image and no skill: the conversation is over."""
    return str(answer["values"].get("text") or "").strip()


def images_said(answer: Any) -> list[ImageRef]:
    """The images that came with it."""
    return list(images_in(answer["values"].get("images")))


def skills_said(answer: Any) -> list[str]:
    """The skills of the pack that it names."""
    return [str(name) for name in answer["values"].get("skills") or ()]


def has_left(at: Rendering) -> bool:
    """Whether the person said in this turn that the conversation is over. Raises BlobNeeded."""
    said = message_of_turn(at.state, scope_path_of(at.path))
    if said is None:
        return False
    answer = resolve_value(said.output, at.values.resolve)
    return not text_of(answer) and not images_said(answer) and not skills_said(answer)
