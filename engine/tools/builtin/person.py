"""person.ask: a question whose answer somebody gives; the run waits for it without a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from engine.contracts.runs.request import UserInputRequest
from engine.contracts.status import Effects
from engine.contracts.tool import AwaitedAnswer, ToolSpec
from engine.tools.awaiting import AnswerAwaited, checked_schema
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.tools.context import ToolContext

MAX_QUESTION = 4_000
_FREE_TEXT = {
    "type": "object",
    "properties": {"text": {"type": "string", "title": "Answer", "maxLength": 20_000, "x-multiline": True}},
    "required": ["text"],
    "additionalProperties": False,
}

ASK = ToolSpec(
    name="person.ask",
    effects=Effects.NONE,
    idempotent=True,
    description="Ask a person a question and wait for the answer, for as long as it takes.",
    output={
        "form_id": "`answer`",
        "values": "what was answered, by field; without `fields` its `text`",
        "comment": "what was said beside it",
    },
    parameters={
        "type": "object",
        "properties": {
            "question": {"type": "string", "minLength": 1, "maxLength": MAX_QUESTION},
            "title": {"type": "string", "minLength": 1, "maxLength": 200},
            "fields": {"type": "object", "description": "JSON Schema of the answer, of the type object."},
            "expires_in": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 31_536_000,
                "description": "Seconds after which nobody needs to answer any more.",
            },
        },
        "required": ["question"],
        "additionalProperties": False,
    },
)


def person_tools() -> Iterator[RegisteredTool]:
    """The tool that asks."""
    yield RegisteredTool(ASK, ask)


async def ask(params: dict[str, Any], context: ToolContext) -> NoReturn:
    """Raises AnswerAwaited, ToolFailure for fields that are no schema."""
    form = UserInputRequest(
        form_id="answer",
        title=params.get("title") or params["question"][:200],
        prompt=params["question"],
        json_schema=params.get("fields") or _FREE_TEXT,
    )
    await checked_schema(form)
    raise AnswerAwaited(AwaitedAnswer(form=form, expires_in=params.get("expires_in")))
