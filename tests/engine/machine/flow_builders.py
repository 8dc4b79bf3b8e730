"""Flows for tests in one line per step, as dicts an author would write."""

from __future__ import annotations

from typing import Any

from engine.contracts.flows.flow import FlowDef
from engine.machine.model.graph import FlowGraph, RunLimits

StepData = dict[str, Any]


def tool(step: str, **fields: Any) -> StepData:
    return {"id": step, "type": "tool", "tool": "fake.do", **fields}


def approval(step: str, **fields: Any) -> StepData:
    return {"id": step, "type": "human_approval", "message": "may it?", **fields}


def form(step: str, **fields: Any) -> StepData:
    return {"id": step, "type": "user_input", "params": {"form_id": step}, **fields}


def subflow(step: str, **fields: Any) -> StepData:
    return {"id": step, "type": "subflow", "subflow": "child", **fields}


def wait(step: str, **fields: Any) -> StepData:
    named = {} if "until" in fields else {"duration": 3}
    return {"id": step, "type": "wait", **named, **fields}


def parallel(step: str, *branches: list[StepData], **fields: Any) -> StepData:
    return {"id": step, "type": "parallel", "branches": list(branches), **fields}


def for_each(step: str, items: list[Any], *steps: StepData, **fields: Any) -> StepData:
    return {"id": step, "type": "for_each", "items": items, "steps": list(steps), **fields}


def nodes(step: str, *steps: StepData, **fields: Any) -> StepData:
    """A step of the type `graph`."""
    return {"id": step, "type": "graph", "steps": list(steps), **fields}


def plan(step: str, **fields: Any) -> StepData:
    """A plan that may name the tool `noop`."""
    return {"id": step, "type": "plan_proposal", "instructions": "be", "prompt": "do", **fields}


def agent(step: str, **fields: Any) -> StepData:
    """In tests of the machine its turns want as many calls as the simulation says."""
    return {"id": step, "type": "agent", "instructions": "be", "prompt": "do", **fields}


def graph(*steps: StepData, limits: RunLimits | None = None, **fields: Any) -> FlowGraph:
    flow = FlowDef.model_validate({"id": "flow", "steps": list(steps), **fields})
    return FlowGraph(flow, limits or RunLimits())
