"""Rendering of an approval: the action behind it, and the words around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.flow import ApprovalStep
from engine.contracts.flows.tool_step import ToolStep
from engine.contracts.status import StepStatus
from engine.machine.model.inputs import StepPrepared
from engine.machine.model.state import scope_path_of
from engine.runtime.clock import new_id
from engine.runtime.worker.steps.rendering import Rendering, StepRenderer, action_of, intent_of
from engine.values import digest_of

if TYPE_CHECKING:
    from engine.contracts.flows.step import Step
    from engine.named_table import NamedTable


class ApprovalRenderer(StepRenderer[ApprovalStep]):
    """Renders an approval: what a person is shown, and the digest that covers all of it."""

    type = "human_approval"

    def __init__(self, acting: NamedTable[StepRenderer[Any]]) -> None:
        self._acting = acting

    def prepare(self, step: ApprovalStep, at: Rendering) -> StepPrepared:
        """The action as it would be done now, with title, message and intent."""
        gated = _gated(step, at)
        tool = gated.tool if isinstance(gated, ToolStep) else None
        if tool is not None:
            refused = at.judge.refused(at.path, at.now, tool, at.judge.verdict(tool, at.state))
            if refused is not None:  # nobody is asked to approve what will be refused
                return refused
        action = self._action(gated, at)
        preview = None
        if isinstance(gated, ToolStep) and action is not None:
            preview = at.judge.preview(at.path, gated, action["params"])
        action_digest = at.digest(action, preview)
        message = at.text(step.message)
        if at.path.partition("~")[0] == at.flow.graph.flow.escalation:
            message += _failures(at.context["steps"])
        shown = {
            "title": at.text(step.title) if step.title else step.name or step.id,
            "message": message,
            "form": at.value(step.form),
            "context": at.value(step.params),
            "autonomy_level": at.flow.graph.flow.autonomy_level.value,
        }
        body = {
            **shown,
            "action": action,
            "preview": preview.model_dump() if preview is not None else None,
            "intent": intent_of(at),
        }
        return StepPrepared(
            now=at.now,
            path=at.path,
            new_id=new_id("appr"),
            request={"body": at.store(body)},
            digest=digest_of({"action": action_digest, **shown}),
            action_digest=action_digest,
            risk=(at.judge.risk(tool, step.risk) if tool is not None else step.risk).value,
        )

    def _action(self, gated: Step | None, at: Rendering) -> dict[str, Any] | None:
        if gated is None:
            return None
        renderer = self._acting.get(gated.type)
        params = renderer.params(gated, at) if renderer is not None else None
        return action_of(gated, at.values.scrubbed(params))


def _gated(step: ApprovalStep, at: Rendering) -> Step | None:
    """The step that waits for the approval."""
    steps = at.flow.graph.steps_of(scope_path_of(at.path))
    gated_id = next((gated for gated, approval in steps.gated_by.items() if approval == step.id), None)
    return None if gated_id is None else steps.steps[steps.position[gated_id]]


def _failures(steps: dict[str, Any]) -> str:
    """What failed before an escalation, one line a step."""
    failed = [
        f"- {name}: {seen['error']['message']}"
        for name, seen in steps.items()
        if seen["status"] == StepStatus.FAILED.value and "error" in seen
    ]
    return "\n".join(["", "", "What failed:", *failed]) if failed else ""
