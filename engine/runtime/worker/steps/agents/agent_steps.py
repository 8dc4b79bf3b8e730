"""Rendering of an agent and of the steps inside it."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import (
    FLOW_PREFIX,
    MAX_IMAGES,
    MAX_SKILLS,
    MODEL,
    AgentStep,
    CallsStep,
    MessageStep,
    ModelStep,
)
from engine.contracts.flows.plan_step import PlanProposalStep
from engine.contracts.runs.request import UserInputRequest
from engine.contracts.status import StepErrorCode
from engine.machine.model.inputs import StepPrepared
from engine.machine.model.state import Spent, find_execution, outer_path_of, scope_path_of
from engine.machine.transition_builder import failure
from engine.runtime.worker.steps.agents.chosen_call import never_fit
from engine.runtime.worker.steps.agents.hooked import (
    let_through,
    refused_answer,
    refused_question,
    refused_start,
)
from engine.runtime.worker.steps.agents.messages import has_left, message_of_turn, skills_said
from engine.runtime.worker.steps.agents.own_tools.finding import FIND
from engine.runtime.worker.steps.agents.own_tools.handing_over import (
    HANDOFF,
    calls_made,
    handed_output,
    handed_over,
    received,
)
from engine.runtime.worker.steps.agents.told.context import CONTEXT, context_of
from engine.runtime.worker.steps.agents.told.conversation import (
    ASKED_AGAIN,
    answer_faults,
    answer_of,
    stated_confidence,
)
from engine.runtime.worker.steps.agents.told.images import images_of
from engine.runtime.worker.steps.agents.told.skills import (
    SKILLS,
    may_be_named,
    noted,
    skills_named,
    skills_of,
)
from engine.runtime.worker.steps.calls.failed_call import kept_error
from engine.runtime.worker.steps.form_step import asking
from engine.runtime.worker.steps.rendering import Rendering, StepRenderer
from engine.values import follow, resolve_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.machine.model.state import Execution

_SHOWN = 4_000
_FAULT = 500
"""Characters of what does not fit, as events keep it."""
_MESSAGE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "title": "Your message", "maxLength": 20_000, "x-multiline": True},
        "images": {
            "type": "array",
            "items": {"type": "string"},
            "format": "images",
            "title": "Images",
            "description": "Files to show: PNG, JPEG, GIF or WebP.",
            "maxItems": MAX_IMAGES,
        },
    },
    "additionalProperties": False,
}


def _message_schema(skills: list[str]) -> dict[str, Any]:
    """What a person may say: also which of these skills the agent is told with it."""
    if not skills:
        return _MESSAGE
    field = {
        "type": "array",
        "items": {"enum": skills},
        "format": "skills",
        "title": "Skills",
        "description": "Of the pack, told with this message; in its text `/skill` names one.",
        "maxItems": MAX_SKILLS,
        "uniqueItems": True,
    }
    return {**_MESSAGE, "properties": {**_MESSAGE["properties"], SKILLS: field}}


class AgentRenderer(StepRenderer[AgentStep]):
    """Renders what an agent is told, and which tools it has."""

    type = "agent"

    def prepare(self, step: AgentStep, at: Rendering) -> StepPrepared:
        """What it is told, with the script of the scripted model."""
        offered = at.flow.layer.offered if at.flow.layer is not None else None
        tools = step.tools if step.tools is not None else sorted(offered or ())
        if step.outside is not None:  # it brings its own
            tools = ()
        skills = skills_of(step, at, tools)
        told = {
            "instructions": at.text(step.instructions),
            "prompt": at.text(step.prompt),
            "tools": [
                *tools,
                *((FIND,) if step.deferred else ()),
                *(f"{FLOW_PREFIX}{flow}" for flow in step.flows),
                *((HANDOFF,) if step.handoffs else ()),
            ],
            "received": received(step, at),
            "model": step.model,
            SKILLS: [one for one in skills if "text" in one],
            "script": at.value(step.model_dump(mode="json", include={"script"})["script"]),
        }
        if step.images:
            told["images"] = images_of(step, at)
        refused = refused_start(at, told)
        if refused is not None:
            return refused
        return StepPrepared(now=at.now, path=at.path, value=at.store(told), skills=noted(skills))

    def handed_on(self, step: AgentStep, joined: Any) -> Any:
        """Its last answer, and who gave it."""
        if step.outside is not None:
            return answer_of(joined, step.output)
        turn = next(turn for turn in reversed(joined) if "reply" in turn)
        reply = turn["reply"]
        meant = handed_over(step, calls_made(reply["calls"], turn["results"]))
        return answer_of(reply, step.output) if meant is None else handed_output(step, reply, meant)

    def jump(self, step: AgentStep, handed_on: Any) -> str | None:
        """The agent that it has handed over to."""
        return handed_on.get("handed_over_to") if step.handoffs else None

    def confidence(self, step: AgentStep, handed_on: Any) -> float | None:
        """`confidence` of an answer whose schema has it."""
        return stated_confidence(handed_on, step.output)

    def artifact(
        self, step: AgentStep, execution: Execution
    ) -> tuple[tuple[str, ...], Mapping[str, Any]] | None:
        """`artifacts.agent.<id>.output` and `.meta`."""
        spent = execution.spent or Spent()
        meta = {
            "agent_name": step.agent or step.id,
            "token_estimate": spent.tokens,
            "cost_estimate": None if spent.unpriced else spent.cost / 1_000_000_000,
        }
        return ("agent", step.id), {"output": execution.output, "meta": meta}


class MessageRenderer(StepRenderer[MessageStep]):
    """What stands above the line in which a person writes: what the agent has said."""

    type = "message"

    def prepare(self, step: MessageStep, at: Rendering) -> StepPrepared:
        """Nobody is asked before the first answer, nor while the agent has calls to hear of."""
        agent_path = outer_path_of(at.path)
        agent = _agent_at(at, agent_path)
        assert agent.branches is not None, agent_path
        turns = agent.branches.outputs.in_order()
        reply = follow(turns[-1], at.values.resolve)["reply"] if turns else None
        if reply is None or reply["calls"]:
            return StepPrepared(now=at.now, path=at.path, run=False)
        text = reply["text"]
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… (cut: the conversation has it whole)"
        holder = at.flow.graph.step_at(agent_path)
        tools = follow(agent.input, at.values.resolve)["tools"]
        schema = _message_schema(may_be_named(at.flow, tools))
        request = UserInputRequest(
            form_id="message",
            title=f"{holder.name or holder.id}: your next message",
            prompt=shown,
            description="An empty message, without an image or a skill, ends the conversation.",
            json_schema=schema,
        )
        return asking(request, schema, at)


class ModelRenderer(StepRenderer[ModelStep]):
    """What a model is asked is put together when it is asked: kept are its parts, each once."""

    type = "model"

    def prepare(self, step: ModelStep, at: Rendering) -> StepPrepared:
        """Which turn it is; nobody is asked when the person has left."""
        if has_left(at):
            return StepPrepared(now=at.now, path=at.path, run=False)
        scope = scope_path_of(at.path)
        turn = int(scope.rpartition("/")[2]) + 1
        asking = at.flow.graph.step_at(scope_path_of(scope))
        assert isinstance(asking, AgentStep | PlanProposalStep), scope
        context = context_of(asking, at, turn)
        refused = refused_question(at, [one["text"] for one in context])
        if refused is not None:
            return refused
        skills = self._skills(at, scope)
        told = [one for one in skills if "text" in one]
        value = {
            "turn": turn,
            **({CONTEXT: at.store(context)} if context else {}),
            **({SKILLS: at.store(told)} if told else {}),
        }
        heard = len(at.state.told or ())
        return StepPrepared(now=at.now, path=at.path, value=value, told=heard, skills=noted(skills))

    def _skills(self, at: Rendering, scope: str) -> list[dict[str, Any]]:
        """Those that the message of this turn names."""
        message = message_of_turn(at.state, scope)
        named = skills_said(resolve_value(message.output, at.values.resolve)) if message is not None else []
        if not named:
            return []
        tools = follow(_agent_at(at, scope_path_of(scope)).input, at.values.resolve)["tools"]
        return list(skills_named(named, at, tools))


class CallsRenderer(StepRenderer[CallsStep]):
    """The calls that the model's answer wants."""

    type = "calls"

    def prepare(self, step: CallsStep, at: Rendering) -> StepPrepared:
        """How many they are, and whether the model is to be asked again."""
        if has_left(at):
            return StepPrepared(now=at.now, path=at.path, run=False)
        scope = scope_path_of(at.path)
        model = find_execution(at.state.root, f"{scope}/{MODEL}")
        assert model is not None, at.path
        reply = follow(model.output, at.values.resolve)
        agent_path = scope_path_of(scope)
        agent = at.flow.graph.step_at(agent_path)
        assert isinstance(agent, AgentStep), agent_path
        refused = refused_answer(at, reply)
        if refused is not None:
            return refused
        total = len(reply["calls"])
        turns = _agent_at(at, agent_path).branches
        assert turns is not None, agent_path
        error = never_fit(at, turns.outputs.in_order(), reply) if total else None
        if error is not None and find_execution(at.state.root, at.path) is None:  # a retry asks for one more
            return StepPrepared(now=at.now, path=at.path, error=error)
        unfit = [] if total else answer_faults(reply["text"], agent.output)
        form = None if total or agent.output is None else self._form(at, agent_path, unfit)
        handed = handed_over(agent, let_through(at, reply)) is not None
        if agent.converses and total and not handed and reply.get("since", 0) + 1 >= agent.max_turns:
            message = f"the agent was not done after {agent.max_turns} turns; raise max_turns"
            error = failure(StepErrorCode.TURN_LIMIT, message, limit=agent.max_turns)
            return StepPrepared(now=at.now, path=at.path, error=error)
        again = not handed and bool(total or unfit or agent.converses)
        return StepPrepared(now=at.now, path=at.path, value=model.output, total=total, again=again, form=form)

    def _form(self, at: Rendering, agent_path: str, faults: list[str]) -> dict[str, Any]:
        """How its last answer fits; a retry of the run asks for one more than there may be in a row."""
        before, opened_again = self._asked_again(at, agent_path), find_execution(at.state.root, at.path)
        masked = kept_error(at.values, {"faults": faults})["faults"]  # before it is cut: no half of a secret
        last = bool(faults) and before >= ASKED_AGAIN and opened_again is None
        return {"attempt": before + 1, "last": last, "faults": [one[:_FAULT] for one in masked]}

    def _asked_again(self, at: Rendering, agent_path: str) -> int:
        """Turns without calls since the last one with some: their answers did not fit."""
        agent = _agent_at(at, agent_path)
        assert agent.branches is not None, agent_path
        turns = (follow(turn, at.values.resolve) for turn in reversed(agent.branches.outputs.in_order()))
        return sum(1 for _ in takewhile(lambda turn: not turn["reply"]["calls"], turns))


def _agent_at(at: Rendering, path: str) -> Execution:
    agent = find_execution(at.state.root, path)
    assert agent is not None, path
    return agent
