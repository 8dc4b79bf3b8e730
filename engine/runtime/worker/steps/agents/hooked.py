"""The hooks of an agent: each function gives the step's refusal when a hook vetoes it, else None."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from engine.contracts.flows.agent_step import MESSAGE, AgentStep
from engine.contracts.layers.hook import HookPoint
from engine.contracts.status import StepErrorCode, StepStatus
from engine.governance.hooks import POINTS, verdict_of, vetoes
from engine.machine.model.inputs import StepPrepared
from engine.machine.model.state import find_execution, outer_path_of, scope_path_of
from engine.machine.transition_builder import failure
from engine.runtime.worker.steps.agents.chosen_call import data_given
from engine.runtime.worker.steps.agents.own_tools.handing_over import handed_over
from engine.runtime.worker.steps.plans.replanned import BEFORE
from engine.values import resolve_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.contracts.layers.hook import Hook
    from engine.runtime.worker.steps.rendering import Rendering


def refused_start(at: Rendering, told: Mapping[str, Any]) -> StepPrepared | None:
    """Of an agent that would begin with these instructions and this prompt."""
    return _first(at, HookPoint.START, [told["instructions"], told["prompt"]])


def refused_question(at: Rendering, context: list[str]) -> StepPrepared | None:
    """Of a question: what came since the last one, results of calls or what a person said.

    `context` is what it is told in this question alone.
    """
    if not at.flow.hooks:
        return None
    agent_path = outer_path_of(at.path)
    agent = find_execution(at.state.root, agent_path)
    assert agent is not None, at.path
    assert agent.branches is not None, at.path
    newest = [resolve_value(turn, at.values.resolve) for turn in agent.branches.outputs.in_order()[-1:]]
    if not isinstance(at.flow.graph.step_at(agent_path), AgentStep):  # a plan: why its last one was not taken
        told = [turn["turn"]["told"] for turn in newest]
        given_first = resolve_value(agent.input, at.values.resolve)
        asked = told or [given_first["prompt"], given_first.get(BEFORE)]
        return _first(at, HookPoint.BEFORE_MODEL, [asked, context])
    for turn in newest:
        for call, result in zip(turn["reply"]["calls"], turn["results"], strict=True):
            refused = _first(at, HookPoint.AFTER_TOOL, result, call["tool"])
            if refused is not None:
                return refused
    said = find_execution(at.state.root, f"{scope_path_of(at.path)}/{MESSAGE}")
    given: list[Any] = [context, *(turn["results"] for turn in newest)]
    if said is not None and said.status is StepStatus.COMPLETED:
        given.append(resolve_value(said.output, at.values.resolve))
    if not newest:
        told = resolve_value(agent.input, at.values.resolve)
        given += [told["prompt"], told.get("received")]
    return _first(at, HookPoint.BEFORE_MODEL, given)


def refused_answer(at: Rendering, reply: Mapping[str, Any]) -> StepPrepared | None:
    """Of a model's answer: before its calls are made, or before it is the agent's last one."""
    if not at.flow.hooks:
        return None
    wanted = [_read(call["arguments"]) for call in reply["calls"]]
    refused = _first(at, HookPoint.AFTER_MODEL, [reply["text"], reply["calls"], wanted])
    for call, arguments in zip(reply["calls"], wanted, strict=True):
        given = [arguments, data_given(at, scope_path_of(at.path), call["tool"])]
        for hook in _vetoing(at, HookPoint.BEFORE_TOOL, given, call["tool"]):
            if hook.ends:
                refused = refused or _refused(at, hook)
    if refused is not None:
        return refused
    agent = at.flow.graph.step_at(outer_path_of(at.path))
    meant = handed_over(agent, let_through(at, reply)) if isinstance(agent, AgentStep) else None
    if meant is None and reply["calls"]:
        return None
    return _first(at, HookPoint.COMPLETED, [reply["text"], *(meant or {}).values()])


def refused_plan(at: Rendering, text: str) -> StepPrepared | None:
    """Of what a model wrote as a plan, before a person is shown it."""
    return _first(at, HookPoint.AFTER_MODEL, text)


def refused_call(
    at: Rendering, tool: str, params: Any, data: Mapping[str, Any] | None = None
) -> StepPrepared | None:
    """The hook before a call that a model chose, with the `data` that people gave; an agent is told why."""
    return _first(at, HookPoint.BEFORE_TOOL, [params, data], tool)


def let_through(at: Rendering, reply: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The calls of an answer that no hook refuses, of tools that nobody has hidden: a handoff that is refused
    is none."""
    for call in reply["calls"]:
        if call["tool"] in reply.get("hidden", ()):
            continue
        if not _vetoing(at, HookPoint.BEFORE_TOOL, _read(call["arguments"]), call["tool"]):
            yield call


def _read(arguments: str) -> Any:
    """What a tool would get: JSON writes one text in many ways. As it stands where it is no JSON."""
    try:
        return from_json(arguments, allow_inf_nan=False)
    except ValueError:
        return arguments


def _first(at: Rendering, point: HookPoint, value: Any, tool: str | None = None) -> StepPrepared | None:
    hooks = _vetoing(at, point, value, tool)
    return _refused(at, hooks[0]) if hooks else None


def _vetoing(at: Rendering, point: HookPoint, value: Any, tool: str | None) -> tuple[Hook, ...]:
    """The hooks that say no, looked for in a thread where there is much to look through: a tool or a model
    wrote it, and a text full of escapes takes seconds.
    """
    hooks = [hook for hook in at.flow.hooks if hook.at is point]
    if not hooks:
        return ()
    return at.values.apart(value, f"{point} {tool}", lambda: tuple(vetoes(hooks, point, value, tool)))


def _refused(at: Rendering, hook: Hook) -> StepPrepared:
    verdict = verdict_of(hook, of_pack=hook not in at.flow.policies.hooks)
    details = {"reason": verdict.reason.value, **verdict.details, "recoverable": False}
    error = failure(StepErrorCode.PERMISSION_DENIED, verdict.message, **details)
    return StepPrepared(now=at.now, path=at.path, error=error, verdict=verdict.record(POINTS[hook.at]))
