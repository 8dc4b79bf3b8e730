"""Flows with a plan that a scripted model proposes, and what people do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.runs.plan import PlanEdit, PlanEdits
from tests.engine.runtime.embedded_home import (
    ANN,
    pending_approval,
    until,
)

if TYPE_CHECKING:
    from engine.contracts.runs.request import ApprovalView
    from engine.facade.engine import Engine


Step = dict[str, Any]


def call(step_id: str, name: str = "fake.echo", /, **params: Any) -> Step:
    return {"step_id": step_id, "tool": name, "params": params}


def proposes(*steps: Step, **fields: Any) -> Step:
    return {"summary": "Do it.", "steps": list(steps), **fields}


def plan(*script: Step | str, tools: tuple[str, ...] = ("fake.echo", "fake.fail"), **fields: Any) -> Step:
    given = {"instructions": "Be a test.", "prompt": "Plan it."}
    return {
        "id": "plan",
        "type": "plan_proposal",
        **given,
        "tools": list(tools),
        "script": list(script),
        **fields,
    }


async def shown(engine: Engine, run_id: str) -> ApprovalView:
    view = await pending_approval(engine, run_id)
    return await engine.requests.approval(view.approval_id, viewer=ANN)


def steps_of(view: ApprovalView) -> list[Any]:
    assert view.action is not None
    return list(view.action.params["steps"])


async def approve(engine: Engine, view: ApprovalView, **fields: Any) -> None:
    await engine.requests.approve(view.approval_id, actor=ANN, digest=view.digest, **fields)


async def reject(engine: Engine, view: ApprovalView, comment: str = "too much") -> None:
    await engine.requests.reject(view.approval_id, actor=ANN, comment=comment, digest=view.digest)


async def next_plan(engine: Engine, run_id: str, before: ApprovalView) -> ApprovalView:
    async def asked() -> bool:
        found = (await engine.requests.approvals(run_id=run_id)).items
        return bool(found) and found[0].approval_id != before.approval_id

    await until(asked)
    return await shown(engine, run_id)


def edits(*steps: tuple[str, dict[str, Any] | None]) -> PlanEdits:
    return PlanEdits(steps=tuple(PlanEdit(step_id=name, params=params) for name, params in steps))
