"""What a model is told in one question alone, by its flow and by people: no part of the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.times import from_micros, rfc3339
from engine.errors import InvalidInput
from engine.machine.model.state import find_execution
from engine.models.blocks import ContextBlock
from engine.models.conversation import Message, MessageRole
from engine.models.failure import ModelErrorCode
from engine.values import resolve_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.flows.agent_step import AgentStep
    from engine.contracts.flows.plan_step import PlanProposalStep
    from engine.runtime.worker.steps.rendering import Rendering

CONTEXT = "context"
"""Key of what a model is started with: by whom it is told what, in this turn alone."""
MOST_CHARACTERS = 32_000
"""What a flow may say in one question."""

_ASKED_AGAIN = (Message(MessageRole.USER, "Your last answer was empty. Go on, or give your answer."),)

Told = dict[str, Any]
"""`by` is empty where the flow says it, else who said it; `text` what is said, `data` what tools get."""


def context_of(step: AgentStep | PlanProposalStep, at: Rendering, turn: int) -> list[Told]:
    """What is said in this turn alone: a turn that is asked again keeps what people said in it.

    Raises InvalidInput for more than a flow may say, TemplateError, BlobNeeded.
    """
    before = find_execution(at.state.root, at.path)
    kept = resolve_value(before.input, at.values.resolve) if before is not None else None
    said = [one for one in (kept or {}).get(CONTEXT, ()) if one["by"]]
    return [*_of_flow(step, at, turn), *said, *(at.state.told or ())]


def _of_flow(step: AgentStep | PlanProposalStep, at: Rendering, turn: int) -> list[Told]:
    if step.context is None:
        return []
    known = {
        "number": turn,
        "tokens_used": at.state.counters.tokens_used,
        "now": rfc3339(from_micros(at.now)),
    }
    text = at.text(step.context, turn=known).strip()
    if len(text) > MOST_CHARACTERS:
        message = f"the `context` of this turn has {len(text)} characters, more than {MOST_CHARACTERS}"
        raise InvalidInput(message, {"field": CONTEXT, "limit": MOST_CHARACTERS})
    return [{"by": "", "text": text}] if text else []


def data_of_turn(told: Any) -> dict[str, Any]:
    """What people gave to the tools of the turn whose model was started with `told`: the last word counts."""
    data: dict[str, Any] = {}
    for one in (told or {}).get(CONTEXT, ()):
        data |= one.get("data") or {}
    return data


def context_messages(told: Any) -> tuple[Message, ...]:
    """The last message of a question, a block for each who says something; none where nobody does."""
    entries: Sequence[Told] = (told or {}).get(CONTEXT, ())
    blocks = tuple(ContextBlock(one["by"], one["text"]) for one in entries if one["text"])
    return (Message(MessageRole.USER, "", blocks=blocks),) if blocks else ()


def asked_again(failed: Mapping[str, Any] | None) -> tuple[Message, ...]:
    """What a model is told whose last try, which failed so, was an answer without a word and without a call:
    the same question alone would bring it again."""
    details = (failed or {}).get("details") or {}
    return _ASKED_AGAIN if details.get("reason") == ModelErrorCode.NO_ANSWER else ()
