"""A call that needs an answer from a person or from outside before it has a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.contracts.tool import AwaitedAnswer
from engine.errors import InvalidInput
from engine.json_schema.forms import check_schema, form_schema, load_checks
from engine.tools.failure import invalid_input
from engine.values import canonical_json

if TYPE_CHECKING:
    from engine.contracts.runs.request import UserInputRequest

CALLBACK_PENDING = "callback_pending"
"""The one key of what a pack's tool returns to wait for an answer; under it a form, and `expires_in`."""
MAX_FORM = 64 * 1024
"""Bytes of a form that a call opens."""


class AnswerAwaited(Exception):
    """Raised by a tool whose call has to wait for an answer: the run parks with a form."""

    def __init__(self, awaited: AwaitedAnswer) -> None:
        super().__init__(awaited.form.prompt)
        self.awaited = awaited


def awaited_answer(given: Any) -> AwaitedAnswer | None:
    """What a tool's data ask for, if that is all they hold. Raises ToolFailure for a form that is none."""
    if not isinstance(given, dict) or given.keys() != {CALLBACK_PENDING}:
        return None
    asked = given[CALLBACK_PENDING]
    if not isinstance(asked, dict) or len(canonical_json(asked)) > MAX_FORM:
        raise invalid_input(f"`{CALLBACK_PENDING}` holds a form of at most {MAX_FORM} bytes")
    form = {key: value for key, value in asked.items() if key != "expires_in"}
    try:
        return AwaitedAnswer.model_validate(
            {"form": {"form_id": "answer", **form}, "expires_in": asked.get("expires_in")}
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise invalid_input(f"`{CALLBACK_PENDING}`: {place}: {first['msg']}") from None


async def checked_schema(form: UserInputRequest) -> dict[str, Any]:
    """The schema of the answer. Raises ToolFailure when the form cannot be shown."""
    await load_checks()
    try:
        schema = form_schema(form)
    except InvalidInput as error:
        raise invalid_input(error.message) from None
    problems = check_schema(schema)
    if problems:
        raise invalid_input(f"the form's schema is invalid: {problems[0]}", {"errors": problems})
    return schema
