"""What a person is shown of a plan, and what a decision on it is bound to."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.preview import Preview
from engine.governance.pipeline import Outcome
from engine.governance.tools_layer import highest_risk
from engine.runtime.plans.editing import diff_words, plan_diff
from engine.runtime.worker.steps.plans.replanned import GOES_ON
from engine.runtime.worker.steps.rendering import intent_of
from engine.values import digest_of

if TYPE_CHECKING:
    from engine.contracts.runs.plan import PlanProposal
    from engine.contracts.status import Risk
    from engine.machine.model.state import RunState
    from engine.runtime.worker.steps.plans.turns import PlanTurn
    from engine.runtime.worker.steps.rendering import Rendering


@dataclass(frozen=True, slots=True)
class PlanCard:
    """`asks`: steps that a person sees once more before they run, with the reason."""

    body: dict[str, Any]
    action_digest: str
    asks: dict[str, str]
    risk: Risk


def card_of(turn: PlanTurn, plan: PlanProposal, at: Rendering) -> PlanCard:
    """The whole plan. Values stand as they will be found: secrets replaced."""
    asks = _asks(plan, at)
    steps = [
        {
            "step_id": step.step_id,
            "tool": step.tool,
            "description": step.description,
            "params": at.values.scrubbed(step.params),
            "risk": at.judge.risk(step.tool).value,
            "asks_again": asks.get(step.step_id),
        }
        for step in plan.steps
    ]
    count = len(plan.steps)
    path_step = turn.step
    before = turn.shown_before
    preview = None
    if before is not None:
        text = plan_diff(before, plan)
        preview = Preview(
            kind="diff",
            summary=diff_words(before, plan),
            text=text,
            base=digest_of(before.model_dump(mode="json")),
        )
    body = {
        "title": f"{path_step.name or path_step.id}: a plan of {count} step{'' if count == 1 else 's'}",
        "message": plan.summary,
        "form": {},
        "context": {},
        "autonomy_level": at.flow.graph.flow.autonomy_level.value,
        "action": {
            "step_id": path_step.id,
            "kind": path_step.type,
            "target": f"{count} step{'' if count == 1 else 's'}",
            "params": {"steps": steps, "estimated_cost": _cost(plan), **_onward(turn, plan)},
        },
        "preview": preview.model_dump() if preview is not None else None,
        "intent": intent_of(at),
    }
    risk = highest_risk(path_step.risk, *(at.judge.risk(step.tool) for step in plan.steps))
    return PlanCard(body, bound_plan(plan, at), asks, risk)


def bound_plan(plan: PlanProposal, at: Rendering) -> str:
    """What an approval is bound to: the plan as it was proposed, the pack's content, tools as servers list
    them."""
    bound = {"plan": plan.model_dump(mode="json"), "pack": at.flow.pack_digest}
    return digest_of({**bound, "listed": listings(plan, at)})


def listings(plan: PlanProposal, at: Rendering) -> dict[str, str]:
    """Tools of MCP servers that it names, each by the digest of how it is listed now."""
    found = {step.tool: at.judge.listing(step.tool) for step in plan.steps}
    return {tool: digest for tool, digest in found.items() if digest is not None}


def _onward(turn: PlanTurn, plan: PlanProposal) -> dict[str, Any]:
    """Where the flow goes on, and what it passes over, where the plan says so."""
    target = turn.bounds.onward.goes_on_with(plan)
    return {} if target is None else {GOES_ON: target, "left_out": turn.bounds.onward.left_out(plan)}


def _cost(plan: PlanProposal) -> Any:
    """What the model thinks; a tool's cost is not known before it is called."""
    cost = plan.estimated_cost
    return "unknown" if cost is None else cost.model_dump(mode="json")


def _asks(plan: PlanProposal, at: Rendering) -> dict[str, str]:
    """What will ask again: by policy as it is now, or since the plan says so."""
    wanted = {approval.step_id: approval.reason for approval in plan.approvals}
    found: dict[str, str] = {}
    alone = 0
    for step in plan.steps:
        verdict = at.judge.verdict(step.tool, _after(at.state, alone))
        if verdict.outcome is Outcome.PENDING_APPROVAL:
            found[step.step_id] = verdict.message
        elif step.requires_approval or step.step_id in wanted:
            found[step.step_id] = wanted.get(step.step_id) or "the plan wants this call seen once more"
        alone = 0 if step.step_id in found else alone + 1
    return found


def _after(state: RunState, calls: int) -> RunState:
    """The run when a person has decided and so many calls were made since."""
    return changed(state, counters=changed(state.counters, autonomous_calls=calls))
