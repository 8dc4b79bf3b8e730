"""The call of an approved plan: its tool, and its parameters with what earlier steps of the plan brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import chosen_step
from engine.contracts.status import StepErrorCode
from engine.machine.model.state import find_execution, outer_path_of, scope_path_of
from engine.machine.transition_builder import failure
from engine.runtime.plans.reading import outputs_taken, part_of
from engine.values import resolve_value

if TYPE_CHECKING:
    from engine.contracts.flows.tool_step import ToolStep
    from engine.machine.model.state import Execution
    from engine.runtime.worker.steps.rendering import Rendering


def planned_call(at: Rendering) -> ToolStep | dict[str, Any]:
    """The step that is to be made, or why it cannot be. Raises BlobNeeded."""
    steps, turn, planned = _planned(at)
    tool, params = planned["tool"], dict(planned["params"])
    if turn["listed"].get(tool) != at.judge.listing(tool):
        message = f"the tool {tool} is not what it was when the plan was approved"
        return failure(StepErrorCode.APPROVAL_VOID, message, tool=tool)
    at.judge.note_listing(tool)
    for name, reference in outputs_taken(planned["params"]):
        try:
            params[name] = part_of(_output_of(at, steps, turn, reference.partition(".")[0]), reference)
        except KeyError as missing:
            message = f"{name}: the output {reference} has no {missing.args[0]}"
            return failure(StepErrorCode.INVALID_INPUT, message, tool=tool)
    faults = at.judge.faults(tool, params)
    if faults:
        words = "; ".join(f"{where or 'the whole'}: {what}" for where, what in faults[:5])
        message = f"the parameters of {tool} do not fit it: {words}"
        return failure(StepErrorCode.INVALID_INPUT, message, tool=tool)
    return chosen_step(tool, params, f"{planned['step_id']}: {tool}")


def asks_again(at: Rendering) -> str | None:
    """Why the plan wants a person to see the call just before it is made; None when it does not."""
    _, turn, planned = _planned(at)
    why = turn["asks"].get(planned["step_id"])
    return None if why is None else str(why)


def _planned(at: Rendering) -> tuple[Execution, dict[str, Any], dict[str, Any]]:
    """The execution of the plan's steps, the turn that holds the plan, and the planned step of this one."""
    steps = _execution(at, outer_path_of(at.path))
    turn = resolve_value(steps.input, at.values.resolve)
    number = int(scope_path_of(at.path).rpartition("/")[2])
    return steps, turn, turn["plan"]["steps"][number]


def _output_of(at: Rendering, steps: Execution, turn: Any, step_id: str) -> Any:
    number = next(n for n, step in enumerate(turn["plan"]["steps"]) if step["step_id"] == step_id)
    assert steps.branches is not None, steps.path
    output = dict(steps.branches.outputs.items())[number]
    return resolve_value(output, at.values.resolve)


def _execution(at: Rendering, path: str) -> Execution:
    found = find_execution(at.state.root, path)
    assert found is not None, path
    return found
