"""The call that a model chose: whether there is such a tool for its agent, and parameters that fit it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from engine.contracts.flows.agent_step import MODEL, chosen_step
from engine.contracts.status import StepErrorCode
from engine.governance.pipeline import Point, Subject, check
from engine.machine.model.state import find_execution, outer_path_of, scope_path_of
from engine.machine.transition_builder import failure
from engine.models.conversation import FinishReason
from engine.models.wire.wire_format import wire_name
from engine.runtime.worker.steps.agents.own_tools.own_call import only_of_agents
from engine.runtime.worker.steps.agents.told.context import data_of_turn
from engine.runtime.worker.steps.agents.told.conversation import ASKED_AGAIN
from engine.runtime.worker.steps.calls.failed_call import kept_error
from engine.values import follow, resolve_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.flows.tool_step import ToolStep
    from engine.runtime.worker.steps.rendering import Rendering

MAX_NAME = 120
"""Characters of a tool's name that a model made up which it is told."""


def chosen_call(at: Rendering) -> ToolStep | dict[str, Any]:
    """The step that is to be made, or why not: an error that the model is told. Raises BlobNeeded.

    Nothing that a model wrote is a template, and it names no secrets.
    """
    number = int(scope_path_of(at.path).rpartition("/")[2])
    calls = outer_path_of(at.path)
    agent = outer_path_of(calls)
    reply = _given(at, calls)
    asked = reply["calls"][number]
    hidden = (*reply.get("hidden", ()), *reply.get("blind", ()))
    own = (*_given(at, agent)["tools"], *reply.get("found", ()))
    tool, offered = str(asked["tool"]), [one for one in own if one not in hidden]
    if tool not in offered:
        words = ", ".join(one for one in offered if not _is_denied(at, one)) or "none"
        tool = next((one for one in hidden if wire_name(one) == tool), tool)
        known = tool in hidden or at.judge.spec(tool) is not None
        code = StepErrorCode.PERMISSION_DENIED if known else StepErrorCode.NOT_FOUND
        named = tool[:MAX_NAME]
        what = f"the tool {named} is not offered to you" if known else f"there is no tool {named}"
        return failure(code, f"{what}; yours are: {words}", tool=named)
    cut_off = reply.get("finish") == FinishReason.LENGTH and number == len(reply["calls"]) - 1
    params = _arguments(asked["arguments"])
    if params is None or (cut_off and not asked["arguments"].strip()):
        why = ": your answer was cut off, its bound of tokens was used up" if cut_off else ""
        message = f"the arguments of {tool} are no JSON object{why}"
        return failure(StepErrorCode.INVALID_INPUT, message, tool=tool)
    if _names_secret(params):
        message = f"the arguments of {tool} name a secret; only the flow itself may"
        return failure(StepErrorCode.PERMISSION_DENIED, message, tool=tool)
    if at.judge.has_changed(tool):
        message = f"{tool} is not what you were told any more: its server lists it in another way now"
        return failure(StepErrorCode.CONTRACT_VIOLATION, message, tool=tool, reason="tool_changed")
    unfit = _unfit(at, tool, params)
    if unfit:
        return failure(StepErrorCode.INVALID_INPUT, unfit, tool=tool)
    step = at.flow.graph.step_at(agent)
    return chosen_step(tool, params, f"{step.name or step.id}: {tool}")


def never_fit(at: Rendering, turns: Sequence[Any], reply: dict[str, Any]) -> dict[str, Any] | None:
    """Why an agent ends whose last answer is one too many in a row without a call whose arguments fit; None
    as long as it may go on. `turns` are those that have ended. Raises BlobNeeded."""
    before = [follow(turn, at.values.resolve) for turn in turns[-ASKED_AGAIN:]]
    if len(before) < ASKED_AGAIN or not all(map(_failed_whole, before)):
        return None
    wrong = [_unusable(at, one) for one in (*(turn["reply"] for turn in before), reply)]
    if not all(wrong):
        return None
    words = kept_error(at.values, {"words": wrong[-1]})["words"]
    message = f"the arguments of calls did not fit in {len(wrong)} answers in a row; of the last one: {words}"
    return failure(StepErrorCode.CONTRACT_VIOLATION, message, recoverable=False)


def _failed_whole(turn: dict[str, Any]) -> bool:
    """Whether all calls of a turn that has ended failed: only then is it worth a look why."""
    results = turn["results"]
    return bool(results) and all(isinstance(one, dict) and "error" in one for one in results)


def _unusable(at: Rendering, reply: dict[str, Any]) -> str | None:
    """What is wrong with the arguments of an answer's calls, if none of them has any that fit its tool."""
    words = None
    for asked in reply["calls"]:
        tool, params = str(asked["tool"])[:MAX_NAME], _arguments(asked["arguments"])
        words = f"the arguments of {tool} are no JSON object" if params is None else _unfit(at, tool, params)
        if not words:
            return None
    return words


def _unfit(at: Rendering, tool: str, params: dict[str, Any]) -> str:
    """What of the arguments does not fit the tool; empty when they fit, or nobody knows before the call."""
    # the schema of a server's tool may have any number of choices for each value
    heavy = at.judge.listing(tool) is not None
    faults = at.values.apart(params, f"fits {tool}", lambda: at.judge.faults(tool, params)[:5], heavy=heavy)
    words = "; ".join(f"{where or 'the whole'}: {what}" for where, what in faults)
    return f"the arguments of {tool} do not fit it: {words}" if words else ""


def _is_denied(at: Rendering, tool: str) -> bool:
    """Whether nobody may call it here: the agent was not told of it."""
    return check(Point.TOOL_CALL, Subject(tool=tool, layer=at.flow.layer), at.flow.policies).denied


def data_given(at: Rendering, turn: str, tool: str) -> dict[str, Any]:
    """What people gave to the tools of the turn at this path, if the tool is the pack's own. Raises
    BlobNeeded."""
    model = find_execution(at.state.root, f"{turn}/{MODEL}")
    if model is None or at.judge.executor.spec(tool) is not None or only_of_agents(tool):
        return {}
    return data_of_turn(resolve_value(model.input, at.values.resolve))


def _given(at: Rendering, path: str) -> Any:
    """What an execution around the call was started with."""
    execution = find_execution(at.state.root, path)
    assert execution is not None, path
    return follow(execution.input, at.values.resolve)


def _arguments(text: str) -> dict[str, Any] | None:
    try:
        value = from_json(text, allow_inf_nan=False) if text.strip() else {}
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _names_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return "$secret" in value or any(map(_names_secret, value.values()))
    return isinstance(value, list) and any(map(_names_secret, value))
