"""Flows for tests in one line per step, as dicts an author would write."""

from __future__ import annotations

from typing import Any

from engine.contracts.flow import FlowDef
from engine.machine.model.graph import FlowGraph, RunLimits

StepData = dict[str, Any]


def tool(step_id: str, **fields: Any) -> StepData:
    return {"id": step_id, "type": "tool", "tool": "fake.do", **fields}


def approval(step_id: str, **fields: Any) -> StepData:
    return {"id": step_id, "type": "human_approval", "message": "may it?", **fields}


def form(step_id: str, **fields: Any) -> StepData:
    return {"id": step_id, "type": "user_input", "params": {"form_id": step_id}, **fields}


def subflow(step_id: str, **fields: Any) -> StepData:
    return {"id": step_id, "type": "subflow", "subflow": "child", **fields}


def parallel(step_id: str, *branches: list[StepData], **fields: Any) -> StepData:
    return {"id": step_id, "type": "parallel", "branches": list(branches), **fields}


def for_each(step_id: str, items: list[Any], *steps: StepData, **fields: Any) -> StepData:
    return {"id": step_id, "type": "for_each", "items": items, "steps": list(steps), **fields}


def graph(*steps: StepData, limits: RunLimits | None = None, **fields: Any) -> FlowGraph:
    flow = FlowDef.model_validate({"id": "flow", "steps": list(steps), **fields})
    return FlowGraph(flow, limits or RunLimits())
