"""Handing over to another agent of the same flow: as it is offered, what is meant, what the other is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from engine.contracts.status import StepErrorCode
from engine.machine.model.inputs import StepPrepared
from engine.machine.model.state import find_scope, scope_path_of
from engine.machine.transition_builder import failure
from engine.models.blocks import HandoverBlock
from engine.models.conversation import ToolOffer
from engine.values import resolve_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine.contracts.flows.agent_step import AgentStep
    from engine.contracts.flows.step import Step
    from engine.runtime.worker.steps.rendering import Rendering

HANDOFF = "handoff"
MAX_MESSAGE = 8_000
SHOWN = 8_000
"""Characters of what was asked and said before that the other agent is told, each."""


def handoff_offer(agent: AgentStep, beside: Iterable[Step]) -> ToolOffer:
    """As a model is told of it; `beside` are the steps of the agent's list."""
    names = {step.id: step.name for step in beside}
    words = "; ".join(f"{to}: {names[to]}" if names.get(to) else to for to in agent.handoffs)
    return ToolOffer(
        HANDOFF,
        f"Hand the conversation over to another agent, and end your part. There are: {words}",
        {
            "type": "object",
            "properties": {
                "to": {"enum": list(agent.handoffs)},
                "message": {
                    "type": "string",
                    "maxLength": MAX_MESSAGE,
                    "description": "What the other agent has to know: it hears this, and your last words.",
                },
            },
            "required": ["to", "message"],
            "additionalProperties": False,
        },
    )


def handed_over(agent: AgentStep, calls: Iterable[Mapping[str, Any]]) -> dict[str, str] | None:
    """To whom, and with which message, the calls of an answer hand over; the first one that can be counts."""
    for call in calls if agent.handoffs else ():
        if call["tool"] == HANDOFF and (meant := _meant(agent, call["arguments"])) is not None:
            return meant
    return None


def calls_made(calls: Iterable[Mapping[str, Any]], results: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """The calls of an answer that brought something."""
    for call, result in zip(calls, results, strict=True):
        if not (isinstance(result, dict) and "error" in result):
            yield call


def handoff_call(agent: AgentStep, at: Rendering, params: dict[str, Any]) -> StepPrepared:
    """The call: it brings to whom was handed over, or the error that the model is told."""
    meant = _fitting(agent, params)
    if meant is None:
        known = ", ".join(agent.handoffs)
        message = f"handoff takes `to` (one of: {known}) and `message`, at most {MAX_MESSAGE} characters"
        return StepPrepared(
            now=at.now, path=at.path, error=failure(StepErrorCode.INVALID_INPUT, message, tool=HANDOFF)
        )
    return StepPrepared(
        now=at.now,
        path=at.path,
        value=at.store({"tool": HANDOFF, "params": meant}),
        name=HANDOFF,
        answer=at.store({"handed_over_to": meant["to"]}),
    )


def handed_output(agent: AgentStep, reply: Mapping[str, Any], meant: Mapping[str, str]) -> dict[str, Any]:
    """What an agent hands on that has handed over."""
    return {
        "text": reply["text"],
        "model": reply["model"],
        "provider": reply["provider"],
        "handed_over_by": agent.id,
        "handed_over_to": meant["to"],
        "message": meant["message"],
    }


def received(step: AgentStep, at: Rendering) -> dict[str, Any] | None:
    """What the agent is told of the one that has just handed over to it, if one has. Raises BlobNeeded."""
    scope = find_scope(at.state.root, scope_path_of(at.path))
    output = resolve_value(scope.output, at.values.resolve) if scope is not None else None
    if scope is None or not isinstance(output, dict) or output.get("handed_over_to") != step.id:
        return None
    source = str(output["handed_over_by"])
    before = scope.executions.get(source)
    told = resolve_value(before.input, at.values.resolve) if before is not None else {}
    return {
        "by": source,
        "message": output["message"],
        "asked": _shortened(str(told.get("prompt", ""))),
        "text": _shortened(str(output["text"])),
    }


def handover_blocks(told: dict[str, Any] | None) -> tuple[HandoverBlock, ...]:
    """The block of an agent that was handed over to."""
    if not told:
        return ()
    return (HandoverBlock(told["by"], told["message"], told["asked"], told["text"]),)


def _meant(agent: AgentStep, arguments: str) -> dict[str, str] | None:
    try:
        params = from_json(arguments, allow_inf_nan=False)
    except ValueError:
        return None
    return _fitting(agent, params)


def _fitting(agent: AgentStep, params: Any) -> dict[str, str] | None:
    if not isinstance(params, dict) or params.keys() != {"to", "message"}:
        return None
    to, message = params["to"], params["message"]
    if to not in agent.handoffs or not isinstance(message, str) or len(message) > MAX_MESSAGE:
        return None
    return {"to": to, "message": message}


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… (cut)"
