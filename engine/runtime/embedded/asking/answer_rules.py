"""What an answer to a form has to keep to: its schema, and policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.governance.pipeline import Point, Subject, characters_of, check
from engine.json_schema.forms import check_values
from engine.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.governance.pipeline import Verdict
    from engine.governance.policies import Policies


def answer_verdict(policies: Policies, body: Mapping[str, Any], values: dict[str, Any]) -> Verdict:
    """What policy says of the answer to a form. Raises InvalidInput for what is not JSON."""
    try:
        size = len(canonical_json(values))
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput("the answer is not JSON: only finite numbers and Unicode text") from None
    subject = Subject(
        size_bytes=size,
        characters=characters_of(values),
        max_characters=body.get("max_characters"),
    )
    return check(Point.FORM, subject, policies)


def require_fitting_answer(request_id: str, body: Mapping[str, Any], values: dict[str, Any]) -> None:
    """Raise InvalidInput with all faults by field."""
    errors = check_values(body["schema"], values)
    if errors:
        raise InvalidInput(
            f"{len(errors)} field(s) are not valid: {errors[0].field or 'form'}: {errors[0].message}",
            {"request_id": request_id, "errors": [error.model_dump() for error in errors]},
        )
