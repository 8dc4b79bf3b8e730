"""run.handoff: hands the run off to another pack, which begins a run of its own; a person approves each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import Effects, Risk, StepErrorCode
from engine.contracts.tool import ToolSpec
from engine.errors import InvalidInput, NotFound, VasiniError
from engine.tools.context import WantedHandoff
from engine.tools.failure import ToolFailure, from_exception
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.layers.workflow import Handoff
    from engine.tools.context import ToolContext

MAX_NOTE = 20_000

HAND_OFF = ToolSpec(
    name="run.handoff",
    effects=Effects.OUTSIDE,
    idempotent=True,
    risk=Risk.HIGH,
    asks=True,
    description="Hand the run off to another pack, which begins a run of its own; a person approves it",
    output={
        "run_id": "the run that was begun; nobody waits for it here",
        "pack": "its pack",
        "flow": "its flow",
    },
    parameters={
        "type": "object",
        "properties": {
            "target": {
                "type": "string",
                "minLength": 1,
                "maxLength": 80,
                "description": "A pack to which this one declares a handoff.",
            },
            "flow": {
                "type": "string",
                "minLength": 1,
                "maxLength": 80,
                "description": "Its flow; may be left out where it has only one.",
            },
            "payload": {"type": "object", "description": "What the flow is started with."},
            "note": {
                "type": "string",
                "maxLength": MAX_NOTE,
                "description": "Why, and what has to be known.",
            },
        },
        "required": ["target"],
        "additionalProperties": False,
    },
)


def handing_off_tools() -> Iterator[RegisteredTool]:
    """The tool that hands off."""
    yield RegisteredTool(HAND_OFF, hand_off, takes_secrets=False)


def hand_off_spec(handoffs: Sequence[Handoff]) -> ToolSpec:
    """The tool as agents of a pack with these handoffs are told of it: to whom, and when."""
    words = "; ".join(f"{one.target_agent}: {', '.join(one.conditions)}" for one in handoffs)
    parameters = dict(HAND_OFF.parameters)
    targets = [one.target_agent for one in handoffs]
    parameters["properties"] = {**parameters["properties"], "target": {"enum": targets}}
    description = f"{HAND_OFF.description}. To whom, and when: {words}"
    return HAND_OFF.model_copy(update={"description": description, "parameters": parameters})


async def hand_off(params: dict[str, Any], context: ToolContext) -> Any:
    """Begin that run. Raises ToolFailure where it cannot be: no such handoff, pack or flow, code that nobody
    trusted, a payload that does not fit."""
    if context.hand_off is None:
        message = "runs are handed off by an engine; here is none"
        raise ToolFailure(StepErrorCode.BACKEND_ERROR, message, recoverable=False)
    wanted = WantedHandoff(
        params["target"], params.get("flow"), params.get("payload") or {}, params.get("note")
    )
    try:
        return await context.hand_off(context, wanted)
    except InvalidInput as error:
        raise ToolFailure(StepErrorCode.INVALID_INPUT, error.message, False, error.details) from None
    except NotFound as error:
        raise ToolFailure(StepErrorCode.NOT_FOUND, error.message, False, error.details) from None
    except VasiniError as error:
        raise from_exception(error) from None
