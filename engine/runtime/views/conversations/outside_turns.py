"""What an agent of another program said and asked for, as turns of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from engine.contracts.flows.outside_agent import PERMISSION, PROMPT
from engine.contracts.runs.conversation import SpokenCall, SpokenTurn
from engine.contracts.status import StepStatus
from engine.runtime.views.conversations.agent_steps import WAITS_FOR_PEOPLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.contracts.runs.run import StepView
    from engine.runtime.views.conversations.agent_steps import AgentSteps


def outside_turns(agent: str, below: AgentSteps) -> Iterator[SpokenTurn]:
    """One for each thing it asked permission for, with what it said before, then its answer."""
    prompt = below.steps.get(f"{agent}/0/{PROMPT}")
    if prompt is None:
        return
    who = prompt.input.get("agent") if isinstance(prompt.input, dict) else None
    provider = who if isinstance(who, str) else ""
    for call in _asked(agent, below):
        given = call.input if isinstance(call.input, dict) else {}
        said = given.get("said")
        yield SpokenTurn(
            step_id=call.step_id,
            status=StepStatus.COMPLETED,
            text=said if isinstance(said, str) else "",
            provider=provider,
            input_tokens=None,
            output_tokens=None,
            calls=(_call(call, given, below.decided),),
            call_count=1,
            asks=call.step_id if call.status in WAITS_FOR_PEOPLE else None,
        )
    reply = prompt.output if isinstance(prompt.output, dict) else {}
    text, model = reply.get("text"), reply.get("model")
    usage = reply.get("usage") or {}
    yield SpokenTurn(
        step_id=prompt.step_id,
        status=prompt.status,
        attempt=prompt.attempt,
        retry_at=prompt.retry_at,
        text=text if isinstance(text, str) else "",
        provider=provider,
        model=model if isinstance(model, str) else "",
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
        error=prompt.error,
    )


def _asked(agent: str, below: AgentSteps) -> Iterator[StepView]:
    """What it asked for, in its order; what a program asked that died before anybody was told is no step."""
    for number in sorted(int(path.split("/")[-2]) for path in below.steps if path.endswith(f"/{PERMISSION}")):
        call = below.steps.get(f"{agent}/{number}/{PERMISSION}")
        if call is not None:
            yield call


def _call(call: StepView, given: Mapping[str, Any], decided: Mapping[str, str]) -> SpokenCall:
    action = given.get("action")  # of one that a person was asked for
    params = action.get("params") if isinstance(action, dict) else given.get("params")
    told = params if isinstance(params, dict) else {}
    what = told.get("arguments") or told.get("content")
    return SpokenCall(
        step_id=call.step_id,
        tool=call.name,
        arguments=to_json(what).decode() if what else "",
        status=call.status,
        decided=decided.get(call.step_id),
        result=call.output if call.status is StepStatus.COMPLETED else None,
        error=call.error,
    )
