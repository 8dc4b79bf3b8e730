"""Rendering of a prompt for another program, and of what that program asks permission for."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.flows.outside_agent import PROMPT, PermissionStep, PromptStep, asked_step
from engine.contracts.layers.hook import HookPoint
from engine.contracts.runs.preview import Preview
from engine.contracts.status import Risk, StepErrorCode
from engine.machine.model.inputs import StepPrepared
from engine.machine.model.state import find_execution, outer_path_of, scope_path_of
from engine.machine.transition_builder import failure
from engine.runtime.clock import new_id
from engine.runtime.worker.steps.agents.hooked import refused_call
from engine.runtime.worker.steps.rendering import Rendering, StepRenderer, action_of, intent_of
from engine.values import digest_of, resolve_value

if TYPE_CHECKING:
    from engine.contracts.flows.step import Step

_READS = frozenset({"read", "search", "think"})
_CONTEXT_LINES = 3
_TITLE = 200


class PromptRenderer(StepRenderer[PromptStep]):
    """Which program gets the prompt, if it may."""

    type = "prompt"

    def prepare(self, step: PromptStep, at: Rendering) -> StepPrepared:
        """A program that is forbidden does not start."""
        agent = _agent_step(at, outer_path_of(at.path))
        tool = f"acp.{agent.outside}"
        refused = at.judge.refused(at.path, at.now, tool, at.judge.verdict(tool, at.state))
        if refused is not None:
            return refused
        blind = _blind_hooks(at)
        if blind:
            words = ", ".join(blind)
            message = f"hooks look at {words}: an agent of another program is not held to them"
            error = failure(StepErrorCode.PERMISSION_DENIED, message, hooks=blind, recoverable=False)
            return StepPrepared(now=at.now, path=at.path, error=error)
        return StepPrepared(now=at.now, path=at.path, value={"agent": agent.agent})


class PermissionRenderer(StepRenderer[PermissionStep]):
    """What a program wants permission for, as a person is asked."""

    type = "permission"

    def prepare(self, step: PermissionStep, at: Rendering) -> StepPrepared:
        """The question; nobody is asked for what is forbidden, or cannot be shown. Raises BlobNeeded."""
        call = self._call(at)
        if call is None:
            message = "the process of the agent that asked is gone"
            return StepPrepared(now=at.now, path=at.path, error=failure(StepErrorCode.APPROVAL_VOID, message))
        tool, params = call["tool"], call["params"]
        judged = at.judge.verdict(tool, at.state)
        refused = at.judge.refused(at.path, at.now, tool, judged)
        if refused is not None:
            return refused
        if call["fault"]:
            error = failure(StepErrorCode.INVALID_INPUT, call["fault"], tool=tool, recoverable=False)
            return StepPrepared(now=at.now, path=at.path, error=error)
        refused = refused_call(at, tool, params)
        if refused is not None:
            return refused
        return self._asked(at, call, judged.message)

    @staticmethod
    def _asked(at: Rendering, call: dict[str, Any], why: str) -> StepPrepared:
        """The approval that stands for the call; `why` is what a policy says of it."""
        tool = call["tool"]
        agent = _agent_step(at, outer_path_of(at.path))
        params = at.values.scrubbed(call["params"])
        action = action_of(asked_step(tool), params)
        preview = told_change(params)
        action_digest = at.digest(action, preview)
        shown = {
            "title": f"{agent.name or agent.id}: {params['title'][:_TITLE] or tool}",
            "message": why or f"{agent.agent} asks. Once it is approved it does it itself.",
            "form": {},
            "context": {},
            "autonomy_level": at.flow.graph.flow.autonomy_level.value,
        }
        body = {
            **shown,
            "action": action,
            "preview": preview.model_dump() if preview is not None else None,
            "intent": intent_of(at),
            "said": call["said"],
        }
        reads = tool.rpartition(".")[2] in _READS
        risk = at.judge.risk(tool, Risk.LOW if reads else Risk.MEDIUM)
        return StepPrepared(
            now=at.now,
            path=at.path,
            value=at.store({"tool": tool, "params": params, "said": call["said"]}),
            name=tool,
            new_id=new_id("appr"),
            request={"body": at.store(body), "risk": risk.value, "origin": "policy"},
            digest=digest_of({"action": action_digest, **shown}),
            action_digest=action_digest,
        )

    @staticmethod
    def _call(at: Rendering) -> Any:
        """What the very process asks that is still at work; None when it is not."""
        scope, _, number = scope_path_of(at.path).rpartition("/")
        agent = find_execution(at.state.root, scope)
        prompt = find_execution(at.state.root, f"{scope}/0/{PROMPT}")
        if agent is None or agent.branches is None or prompt is None or not prompt.is_in_flight:
            return None
        asked = agent.branches.asked.get(int(number))
        call = None if asked is None else resolve_value(asked, at.values.resolve)
        return call if call is not None and call["attempt"] == prompt.attempt else None


def told_change(params: dict[str, Any]) -> Preview | None:
    """The changes to files that the agent tells of, as a unified diff."""
    lines: list[str] = []
    paths: list[str] = []
    for one in params.get("content") or []:
        if not isinstance(one, dict) or one.get("type") != "diff" or not isinstance(one.get("newText"), str):
            continue
        path, old = str(one.get("path")), one.get("oldText")
        paths.append(path)
        before = old.splitlines() if isinstance(old, str) else []
        lines += difflib.unified_diff(
            before, one["newText"].splitlines(), path, path, lineterm="", n=_CONTEXT_LINES
        )
    if not paths:
        return None
    return Preview(
        kind="diff", summary=f"as the agent tells it: changes {', '.join(paths)}", text="\n".join(lines)
    )


def _blind_hooks(at: Rendering) -> list[str]:
    """Points of hooks at which nothing of such an agent is seen before it comes to something."""
    seen = {HookPoint.START.value, HookPoint.BEFORE_TOOL.value}
    return sorted({hook.at.value for hook in at.flow.hooks} - seen)


def _agent_step(at: Rendering, path: str) -> AgentStep:
    step: Step = at.flow.graph.step_at(path)
    assert isinstance(step, AgentStep), path
    return step
