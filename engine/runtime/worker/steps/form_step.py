"""Rendering of a form."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.contracts.flows.flow import UserInputStep
from engine.contracts.runs.request import UserInputRequest
from engine.contracts.status import StepErrorCode
from engine.errors import InvalidInput
from engine.json_schema.forms import check_schema, form_schema
from engine.machine.model.inputs import StepPrepared
from engine.runtime.clock import new_id
from engine.runtime.worker.steps.rendering import Rendering, StepRenderer
from engine.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.machine.model.state import Execution
    from engine.runtime.pack_library.pinned import PinnedFlow


_NOTHING: Mapping[str, Any] = MappingProxyType({})
SUMMARIZED = 10
"""Properties that the event names."""


class FormRenderer(StepRenderer[UserInputStep]):
    """Renders a form: what is asked, and the schema of the answer."""

    type = "user_input"
    fault_code = StepErrorCode.INVALID_FORM

    def prepare(self, step: UserInputStep, at: Rendering) -> StepPrepared:
        """The rendered form, checked. Raises InvalidInput."""
        rendered = at.value(step.params)
        try:
            request = UserInputRequest.model_validate(rendered)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise InvalidInput(f"the form is invalid at {place or 'its top'}: {first['msg']}") from None
        schema = form_schema(request)
        problems = check_schema(schema)
        if problems:
            raise InvalidInput(f"the form's schema is invalid: {problems[0]}", {"errors": problems})
        return asking(request, schema, at)

    def artifact(
        self, step: UserInputStep, execution: Execution
    ) -> tuple[tuple[str, ...], Mapping[str, Any]] | None:
        """`artifacts.user_input.<form_id>`."""
        output = execution.output
        form_id = output.get("form_id") if isinstance(output, dict) else None
        return None if form_id is None else (("user_input",), {form_id: output})


def asking(request: UserInputRequest, schema: Mapping[str, Any], at: Rendering) -> StepPrepared:
    """The step with the form that it opens; its schema has been checked."""
    asked = form_asked(request, schema, at.flow, at.store)
    return StepPrepared(now=at.now, path=at.path, new_id=new_id("form"), request=asked)


def form_asked(
    request: UserInputRequest,
    schema: Mapping[str, Any],
    flow: PinnedFlow,
    store: Callable[[Any], Any],
    beside: Mapping[str, Any] = _NOTHING,
) -> dict[str, Any]:
    """The payload of `user_input_requested` without ids and times; `beside` is kept with the form."""
    guardrails = flow.guardrails
    body = {
        "title": request.title or request.prompt,
        "prompt": request.prompt,
        "description": request.description,
        "schema": schema,
        "defaults": request.defaults,
        "max_characters": guardrails.input.max_length if guardrails is not None else None,
        "autonomy_level": flow.graph.flow.autonomy_level.value,
        **beside,
    }
    return {
        "form_id": request.form_id,
        "mode": request.mode,
        "body": store(body),
        "required": _required(schema),
        "schema_summary": _summary(schema),
    }


def _required(schema: Mapping[str, Any]) -> list[str] | None:
    names = schema.get("required")
    return [str(name) for name in names] if isinstance(names, list) and names else None


def _summary(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Enough of a schema to recognize it by."""
    properties = schema.get("properties")
    names = list(properties) if isinstance(properties, dict) else []
    return {
        "properties": names[:SUMMARIZED],
        "property_count": len(names),
        "sha256": digest_of(schema),
    }
