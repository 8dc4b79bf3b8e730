"""What an agent of another program is told, and what it handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.runtime.worker.steps.agents.own_tools.handing_over import handover_blocks
from engine.runtime.worker.steps.agents.told.conversation import wanted_answer
from engine.runtime.worker.steps.agents.told.images import image_block
from engine.runtime.worker.steps.agents.told.skills import skill_blocks
from engine.values import ImageRef

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.acp.session import AgentSession, Answer
    from engine.models.blocks import ImageBlock
    from engine.runtime.value_store import ValueStore

_TITLE = 200
_DECIDED = 50
_UNKNOWN = "maybe not done"
_NOBODY_KNOWS = frozenset({StepErrorCode.APPROVAL_VOID, StepErrorCode.AGENT_ERROR})
"""Codes of calls whose process was gone before it had said what came of them."""
_HOW = {"completed": "done", "failed": "failed"}
"""What an agent says of a call that it was permitted, as it is told of it when it begins again."""
_AGAIN = (
    "You worked on this before and were interrupted. Whatever you had asked permission for and not been "
    "answered is void: ask again for what you still need. Look what is already done before you do it again."
)


def prompt_text(
    persona: str,
    told: dict[str, Any],
    decided: list[Any],
    *,
    again: bool,
    output: dict[str, Any] | None,
) -> str:
    """The prompt, as one text. `decided` is what came of calls before, when it is given `again`."""
    skills = [block.told for block in skill_blocks(told.get("skills", ()))]
    handed = [block.told for block in handover_blocks(told.get("received"))]
    parts = [persona, told["instructions"], *skills, *handed, told["prompt"], wanted_answer(output)]
    if again:
        parts.append("\n".join([_AGAIN, *map(_line, decided[-_DECIDED:])]))
    return "\n\n".join(filter(None, parts))


async def pictures_of(told: dict[str, Any], values: ValueStore) -> list[ImageBlock]:
    """The images that an agent is asked about."""
    images = [ImageRef(one) for one in told.get("images", ())]
    return [image_block(one, await values.image(one.digest)) for one in images]


def told_in_words(text: str, pictures: Sequence[ImageBlock]) -> str:
    """The same with its images in words, for an agent that takes none."""
    return "\n".join((*(one.told for one in pictures), text))


def _line(came_of_it: Any) -> str:
    if isinstance(came_of_it, dict) and isinstance(error := came_of_it.get("error"), dict):
        how = _UNKNOWN if error.get("code") in _NOBODY_KNOWS else "not done"
        return f"- {how}: {str(error.get('message'))[:_TITLE]}"
    told = came_of_it if isinstance(came_of_it, dict) else {}
    how = _HOW.get(str(told.get("status", "completed")), _UNKNOWN)
    return f"- {how}: {str(told.get('title', ''))[:_TITLE]}"


def as_data(answer: Answer, agent: str, session: AgentSession) -> dict[str, Any]:
    """What an answer of a model is, of an agent. Tokens that it does not tell are null: nobody knows them."""
    tokens = session.used.tokens
    return {
        "text": answer.text,
        "calls": [],
        "finish": answer.stop,
        "provider": agent,
        "model": session.name or agent,
        "usage": {
            "input_tokens": None if tokens is None else tokens.input,
            "output_tokens": None if tokens is None else tokens.output,
            "estimated": False,
        },
    }


def usage_of(session: AgentSession, agent: str) -> dict[str, Any]:
    """The payload of `model_usage`: what the agent tells that it used. A cost that it does not tell is left
    out, which is unknown; it comes from no price of ours."""
    used = session.used
    payload: dict[str, Any] = {
        "model": agent,
        "provider": "acp",
        "asked": session.name or agent,
        "prices": "",
    }
    if used.tokens is not None:
        tokens = used.tokens
        payload |= {"input": tokens.input, "output": tokens.output, "cached": tokens.cached}
    if used.cost is not None:
        payload["cost"] = used.cost
    return payload
