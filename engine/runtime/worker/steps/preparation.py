"""Rendering a step before the machine starts it: `when`, parameters, messages, forms, items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.contracts.flow import (
    ApprovalStep,
    ForEachStep,
    ParallelStep,
    SubflowStep,
    ToolStep,
    UserInputStep,
)
from engine.contracts.request import UserInputRequest
from engine.contracts.status import StepErrorCode, StepStatus
from engine.errors import EventUnreadable, InvalidInput
from engine.governance.redactor import JOINED_DEPTH
from engine.json_schema.forms import check_schema, form_schema
from engine.machine.model.inputs import StepPrepared
from engine.machine.model.state import scope_path_of
from engine.machine.transition_builder import failure
from engine.runtime.clock import new_id
from engine.runtime.worker.steps.template_context import render_context
from engine.templates import TemplateError, compile_expression, compile_template, render_value
from engine.values import digest_of, is_list_ref, resolve_value

if TYPE_CHECKING:
    from engine.contracts.flow import Step
    from engine.machine.model.state import RunState
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.steps.child_flows import ChildFlows

MAX_ITEMS = 100_000


@dataclass(slots=True)
class Preparer:
    """Renders steps of one run. What it makes is collected in `made` and belongs in the commit."""

    flow: PinnedFlow
    run: dict[str, Any]
    values: ValueStore
    children: ChildFlows
    made: dict[str, bytes] = field(default_factory=dict)

    def prepare(self, state: RunState, path: str, now: int) -> StepPrepared:
        """The step's data, or the error that keeps it from starting. Raises BlobNeeded."""
        step = self.flow.graph.step_at(path)
        try:
            context = render_context(self.flow.graph, state, path, self.run, self.values.resolve)
            if not self._wanted(step, context):
                return StepPrepared(now=now, path=path, run=False)
            return self._render(step, path, context, now)
        except TemplateError as error:
            problem = failure(StepErrorCode.TEMPLATE_ERROR, f"step {step.id}: {error.message}")
        except InvalidInput as error:
            form = isinstance(step, UserInputStep)
            code = StepErrorCode.INVALID_FORM if form else StepErrorCode.INVALID_INPUT
            problem = failure(code, f"step {step.id}: {error.message}", **error.details)
        return StepPrepared(now=now, path=path, error=problem)

    def _wanted(self, step: Step, context: dict[str, Any]) -> bool:
        if step.when is None or isinstance(step.when, bool):
            return step.when is not False
        return compile_expression(step.when).test(context, self.values.resolve)

    def _render(self, step: Step, path: str, context: dict[str, Any], now: int) -> StepPrepared:
        match step:
            case ToolStep():
                params = self._value(step.params, context)
                digest = self._gate_digest(step, path, params)
                return StepPrepared(now=now, path=path, value=self._store(params), action_digest=digest)
            case SubflowStep():
                params = self._value(step.params, context)
                self.children.check(step.subflow, params)
                return StepPrepared(
                    now=now,
                    path=path,
                    value=self._store(params),
                    new_id=new_id("run"),
                    action_digest=self._gate_digest(step, path, params),
                )
            case ForEachStep():
                items = self._items(step, context)
                return StepPrepared(
                    now=now,
                    path=path,
                    value=self._store(items),
                    total=len(items),
                    action_digest=self._gate_digest(step, path, items),
                )
            case ParallelStep():
                return StepPrepared(now=now, path=path, action_digest=self._gate_digest(step, path, None))
            case UserInputStep():
                return StepPrepared(
                    now=now, path=path, new_id=new_id("form"), request=self._form(step, context)
                )
            case ApprovalStep():
                return self._approval(step, path, context, now)
            case _:
                raise EventUnreadable(f"this version knows no step type {step.type}", {"type": step.type})

    def _value(self, value: Any, context: dict[str, Any]) -> Any:
        rendered = render_value(value, context, self.values.resolve)
        return resolve_value(rendered, self.values.resolve)

    def _items(self, step: ForEachStep, context: dict[str, Any]) -> list[Any]:
        items = self._value(step.items, context)
        if not isinstance(items, list):
            raise InvalidInput(
                f"items must be a list, not {type(items).__name__}", {"found": type(items).__name__}
            )
        if len(items) > MAX_ITEMS:
            raise InvalidInput(f"{len(items)} items are more than {MAX_ITEMS}", {"limit": MAX_ITEMS})
        return items

    def _form(self, step: UserInputStep, context: dict[str, Any]) -> dict[str, Any]:
        rendered = self._value(step.params, context)
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
        body = {
            "title": request.title or request.prompt,
            "prompt": request.prompt,
            "description": request.description,
            "schema": schema,
            "defaults": request.defaults,
        }
        return {"form_id": request.form_id, "mode": request.mode, "body": self._store(body)}

    def _approval(self, step: ApprovalStep, path: str, context: dict[str, Any], now: int) -> StepPrepared:
        action = self._gated_action(step, path, context)
        action_digest = self._digest(action)
        message = str(compile_template(step.message).render(context, self.values.resolve))
        if path.partition("~")[0] == self.flow.graph.flow.escalation:
            message += _failures(context["steps"])
        body = {
            "title": str(compile_template(step.title).render(context, self.values.resolve))
            if step.title
            else step.name or step.id,
            "message": message,
            "action": action,
            "intent": _intent(resolve_value(context["payload"], self.values.resolve)),
            "form": step.form,
            "context": self._value(step.params, context),
        }
        return StepPrepared(
            now=now,
            path=path,
            new_id=new_id("appr"),
            request={"body": self._store(body)},
            digest=digest_of({"action": action_digest, "message": body["message"], "title": body["title"]}),
            action_digest=action_digest,
        )

    def _gated_action(self, step: ApprovalStep, path: str, context: dict[str, Any]) -> dict[str, Any] | None:
        steps = self.flow.graph.steps_of(scope_path_of(path))
        gated_id = next((gated for gated, approval in steps.gated_by.items() if approval == step.id), None)
        if gated_id is None:
            return None
        gated = steps.steps[steps.position[gated_id]]
        match gated:
            case ToolStep() | SubflowStep():
                return _action(gated, self._value(gated.params, context))
            case ForEachStep():
                return _action(gated, self._items(gated, context))
            case ParallelStep():
                return _action(gated, None)
            case _:
                return None

    def _gate_digest(self, step: Step, path: str, params: Any) -> str | None:
        if step.id not in self.flow.graph.steps_of(scope_path_of(path)).gated_by:
            return None
        return self._digest(_action(step, params))

    def _digest(self, action: dict[str, Any] | None) -> str:
        return digest_of({"action": action, "pack": self.flow.pack_digest, "policy": self.flow.policy_digest})

    def _store(self, value: Any) -> Any:
        if is_list_ref(value):
            value = resolve_value(value, self.values.resolve)
        stored = self.values.store(value, levels=JOINED_DEPTH)
        self.made.update(stored.blobs)
        return stored.value


def _action(step: Step, params: Any) -> dict[str, Any]:
    """What a gated step would do: the object an approval shows and is bound to."""
    target = (
        step.tool if isinstance(step, ToolStep) else step.subflow if isinstance(step, SubflowStep) else None
    )
    return {"step_id": step.id, "kind": step.type, "target": target, "params": params}


def _failures(steps: dict[str, Any]) -> str:
    """What failed before an escalation, one line a step."""
    failed = [
        f"- {step_id}: {seen['error']['message']}"
        for step_id, seen in steps.items()
        if seen["status"] == StepStatus.FAILED.value and "error" in seen
    ]
    return "\n".join(["", "", "What failed:", *failed]) if failed else ""


def _intent(payload: Any) -> str:
    """Why the run was started, in its requester's words, if the payload says so."""
    if isinstance(payload, dict):
        for key in ("prompt", "intent", "instructions", "notes"):
            if isinstance(payload.get(key), str) and payload[key]:
                return str(payload[key])
    return ""
