"""A conversation from the steps of its agent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import CALL, CALLS, CHANGED, MESSAGE, MODEL
from engine.contracts.runs.conversation import (
    Conversation,
    Handover,
    SpokenCall,
    SpokenTurn,
    ToldContext,
    ToldSkill,
)
from engine.contracts.status import RequestStatus, StepStatus
from engine.errors import InvalidInput
from engine.models.conversation import FinishReason
from engine.runtime.views.conversations.agent_steps import WAITS_FOR_PEOPLE
from engine.runtime.views.conversations.outside_turns import outside_turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.contracts.runs.run import StepView
    from engine.contracts.status import RunStatus
    from engine.runtime.views.conversations.agent_steps import AgentSteps


def conversation_of(
    run_id: str, run_status: RunStatus, agent: StepView, below: AgentSteps, *, first: int, count: int
) -> Conversation:
    """What an agent was told and said: the turns after the `first` ones, as far as they are there, of `count`
    in all, without their calls where these were not read.

    Raises InvalidInput for a step that is no agent.
    """
    if agent.type != "agent":
        words = f"step {agent.step_id} is no agent but of the type {agent.type}"
        raise InvalidInput(words, {"step_id": agent.step_id, "type": agent.type})
    told = agent.input if isinstance(agent.input, dict) else {}
    turns: list[SpokenTurn] = []
    while (model := below.steps.get(f"{agent.step_id}/{first + len(turns)}/{MODEL}")) is not None:
        if model.status is StepStatus.SKIPPED:  # the person had nothing more to say
            count = first + len(turns)
            break
        scope = f"{agent.step_id}/{first + len(turns)}"
        turns.append(_turn(model, f"{scope}/{CALLS}", below).model_copy(update=_said(scope, below)))
    turns += outside_turns(agent.step_id, below)
    form = below.forms.get(f"{agent.step_id}/{first + len(turns)}/{MESSAGE}")
    form = form if form is not None and form.status is RequestStatus.PENDING else None
    return Conversation(
        run_id=run_id,
        step_id=agent.step_id,
        name=agent.name,
        status=agent.status,
        run_status=run_status,
        instructions=_text(told.get("instructions")),
        prompt=_text(told.get("prompt")),
        tools=tuple(map(_text, told.get("tools") or ())),
        skills=tuple(map(_skill, told.get("skills") or ())),
        images=tuple(map(_text, told.get("images") or ())),
        received=_handover(told.get("received")),
        handed_over_to=_handed_over_to(agent.output),
        turns=tuple(_with_cost(turn, *below.costs.get(turn.step_id, (0, 0))) for turn in turns),
        first=first,
        turn_count=max(count, first + len(turns)),
        waits_with=form.request_id if form is not None else None,
        message_schema=form.json_schema if form is not None else {},
        error=agent.error,
    )


def _said(scope: str, below: AgentSteps) -> dict[str, Any]:
    """Fields of a turn that begins with what a person said."""
    said, form = below.steps.get(f"{scope}/{MESSAGE}"), below.forms.get(f"{scope}/{MESSAGE}")
    if said is None or said.status is not StepStatus.COMPLETED or not isinstance(said.output, dict):
        return {}
    values = said.output["values"]
    return {
        "said": _text(values.get("text")),
        "said_by": (form.answered_by if form else None) or "",
        "said_images": tuple(map(_text, values.get("images") or ())),
    }


def _with_cost(turn: SpokenTurn, cost: int, unpriced: int) -> SpokenTurn:
    return turn.model_copy(update={"cost": cost, "unpriced": unpriced}) if cost or unpriced else turn


def _turn(model: StepView, calls: str, below: AgentSteps) -> SpokenTurn:
    reply = model.output if isinstance(model.output, dict) else {}
    usage = reply.get("usage") or {}
    asked = reply.get("calls") or ()
    paths = [below.newest(f"{calls}/{number}/{CALL}") for number in range(len(asked))]
    return SpokenTurn(
        step_id=model.step_id,
        context=tuple(_context(model.input)),
        said_skills=tuple(map(_skill, _of_input(model.input, "skills"))),
        status=model.status,
        attempt=model.attempt,
        retry_at=model.retry_at,
        text=_text(reply.get("text")),
        cut_off=reply.get("finish") == FinishReason.LENGTH.value,
        provider=_text(reply.get("provider")),
        model=_text(reply.get("model")),
        input_tokens=usage.get("input_tokens", 0),
        output_tokens=usage.get("output_tokens", 0),
        estimated=usage.get("estimated", False),
        found=tuple(map(_text, reply.get("found") or ())),
        hidden=tuple(map(_text, reply.get("hidden") or ())),
        unseen=reply.get("unseen", 0),
        calls=tuple(map(partial(_call, below), asked, paths)) if below.calls else (),
        call_count=len(asked),
        asks=next((path for path in paths if path in below.asking or _waits(below.steps.get(path))), None),
        error=model.error,
    )


def _waits(call: StepView | None) -> bool:
    return call is not None and call.status in WAITS_FOR_PEOPLE


def _call(below: AgentSteps, asked: Mapping[str, Any], path: str) -> SpokenCall:
    made, form = below.steps.get(path), below.forms.get(path)
    answered = f"ANSWERED by {form.answered_by}" if form is not None and form.answered_by else None
    return SpokenCall(
        step_id=path,
        tool=_text(asked.get("tool")),
        arguments=_text(asked.get("arguments")),
        status=made.status if made is not None else None,
        decided=below.decided.get(path) or answered,
        changed=_changed(made.input) if made is not None else None,
        waits_with=form.request_id if form is not None and form.status is RequestStatus.PENDING else None,
        child_run_id=made.child_run_id if made is not None else None,
        result=made.output if made is not None and made.status is StepStatus.COMPLETED else None,
        error=made.error if made is not None else None,
    )


def _changed(given: Any) -> str | None:
    """The diff of a call that was changed: of one that asks people it stands beside what they are shown."""
    for held in (given, given.get("context") if isinstance(given, dict) else None):
        change = held.get(CHANGED) if isinstance(held, dict) else None
        if isinstance(change, dict):
            return _text(change.get("diff"))
    return None


def _context(given: Any) -> Iterator[ToldContext]:
    for one in _of_input(given, "context"):
        yield ToldContext(by=_text(one.get("by")), text=_text(one.get("text")), data=one.get("data") or {})


def _of_input(given: Any, key: str) -> list[Any]:
    found = given.get(key) if isinstance(given, dict) else None
    return found if isinstance(found, list) else []


def _handover(told: Any) -> Handover | None:
    if not isinstance(told, dict):
        return None
    return Handover(by=_text(told.get("by")), message=_text(told.get("message")))


def _handed_over_to(output: Any) -> str | None:
    to = output.get("handed_over_to") if isinstance(output, dict) else None
    return to if isinstance(to, str) else None


def _skill(told: Mapping[str, Any]) -> ToldSkill:
    return ToldSkill(
        key=_text(told.get("key")),
        name=_text(told.get("name")),
        digest=_text(told.get("digest")),
        size=told.get("bytes", 0),
        text=_text(told.get("text")),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
