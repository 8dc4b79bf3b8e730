"""A call that a model chose and a person changed: what is called then, and how its model hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import CALL, CHANGED, ChosenCallStep, chosen_step
from engine.contracts.runs.plan import PlannedStep, PlanProposal
from engine.contracts.runs.request import TOLD
from engine.contracts.status import StepErrorCode
from engine.machine.model.state import find_scope, scope_path_of, step_of
from engine.machine.transition_builder import failure
from engine.runtime.plans.editing import plan_diff
from engine.values import canonical_json, follow, resolve_value

if TYPE_CHECKING:
    from engine.contracts.flows.tool_step import ToolStep
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.steps.rendering import Rendering

_FILES = "output_files"
_SHOWN = 1_000
_READ = 8_000


def changed_call(at: Rendering, called: ToolStep) -> tuple[ToolStep | dict[str, Any], dict[str, str] | None]:
    """The call as the person who decided on it last wanted it, and who that was; or why that cannot be.

    What was changed stays so when it is asked about once more. Raises BlobNeeded.
    """
    scope = find_scope(at.state.root, scope_path_of(at.path))
    before = scope.executions.get(step_of(at.path)) if scope is not None else None
    if before is None:
        return called, None
    said = resolve_value((before.decision or {}).get("edits"), at.values.resolve)
    given = follow(before.input, at.values.resolve)
    earlier = given[CHANGED] if isinstance(given, dict) and CHANGED in given else None
    if said is not None:
        params, by = said["steps"][0]["params"], (before.decision or {})["decided_by"]
        change = {"by": by, "diff": said["diff"]}
        if earlier is not None:
            change = {"by": _both(earlier["by"], by), "diff": _since_chosen(called, params)}
        return _fitting(at, called, params), change
    if earlier is None:
        return called, None
    kept = resolve_value(given, at.values.resolve)
    return _fitting(at, called, kept["params"]), kept[CHANGED]


def _both(earlier: str, by: str) -> str:
    return earlier if by in earlier.split(", ") else f"{earlier}, {by}"


def _since_chosen(called: ToolStep, params: dict[str, Any]) -> str:
    """Of what was changed more than once: what differs from the call as its model chose it."""
    before = PlannedStep(step_id=CALL, tool=called.tool, params=called.params)
    plan = PlanProposal(summary=called.tool, steps=(before,))
    return plan_diff(plan, plan.model_copy(update={"steps": (before.model_copy(update={"params": params}),)}))


def _fitting(at: Rendering, called: ToolStep, params: dict[str, Any]) -> ToolStep | dict[str, Any]:
    faults = at.judge.faults(called.tool, params)[:5]
    if not faults:
        return chosen_step(called.tool, params, called.name or "")
    words = "; ".join(f"{where or 'the whole'}: {what}" for where, what in faults)
    message = f"the parameters of {called.tool}, as a person changed them, do not fit it: {words}"
    return failure(StepErrorCode.INVALID_INPUT, message, tool=called.tool)


def _was_changed(step: ToolStep, given: Any) -> bool:
    return isinstance(step, ChosenCallStep) and isinstance(given, dict) and CHANGED in given


def told_of_change(step: ToolStep, given: Any, output: Any) -> Any:
    """What the call brought, with what its model does not know else: that it was made otherwise.

    `given` is what the call was started with. Its files stand where those of every call do.
    """
    if not _was_changed(step, given):
        return output
    files = {_FILES: output[_FILES]} if isinstance(output, dict) and _FILES in output else {}
    brought = {key: one for key, one in output.items() if key != _FILES} if files else output
    return {**_told(given), "result": brought, **files}


def kept_with_form(step: ToolStep, given: Any) -> dict[str, Any]:
    """The same for a call that awaits an answer: what stands beside that, and the change itself, as parts of
    the form; nothing where the call was made as its model chose it."""
    return {TOLD: _told(given), CHANGED: given[CHANGED]} if _was_changed(step, given) else {}


def _told(given: dict[str, Any]) -> dict[str, Any]:
    return {"changed_by": given[CHANGED]["by"], "arguments": given["params"]}


def failed_as_changed(
    values: ValueStore, step: ToolStep, given: Any, error: dict[str, Any]
) -> dict[str, Any]:
    """The error of such a call, with the same: masked before it is cut, no half of what is personal."""
    if not _was_changed(step, given):
        return error
    shown = canonical_json(given["params"]).decode()
    if len(shown) > _SHOWN:
        shown = f"{values.redact_beginning(shown[:_READ])[:_SHOWN]}…"
    message = f"{error['message']} ({given[CHANGED]['by']} had changed the arguments to {shown})"
    return {**error, "message": message}
