"""A plan's turns as they stand: what was proposed in this one, what was said of those before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import MODEL
from engine.contracts.flows.plan_step import REVIEW, PlanProposalStep
from engine.contracts.runs.plan import PlanProposal
from engine.machine.model.state import find_execution, scope_path_of
from engine.runtime.plans.onward import Onward
from engine.runtime.plans.reading import Bounds, PlanUnfit, plan_faults, read_plan
from engine.runtime.worker.steps.agents.told.narrowed import hidden_tools
from engine.runtime.worker.steps.plans.replanned import BEFORE
from engine.values import resolve_value

if TYPE_CHECKING:
    from engine.machine.model.state import Execution
    from engine.runtime.worker.steps.rendering import Rendering

ASKED_AGAIN = 2
"""So often a model is asked again for a plan that fits, until a person has spoken."""


@dataclass(frozen=True, slots=True)
class PlanTurn:
    """The turn around a step: the flow's step, what the plan was started with, the turns before."""

    step: PlanProposalStep
    told: dict[str, Any]
    earlier: list[dict[str, Any]]
    text: str
    """What the model wrote in this turn."""
    review: Execution | None
    bounds: Bounds

    def written(self) -> PlanProposal:
        """The plan of this turn, whether or not it can be. Raises PlanUnfit."""
        return read_plan(self.text, self.bounds.max_steps)

    def proposed(self) -> PlanProposal:
        """The plan of this turn. Raises PlanUnfit, also for one that cannot be."""
        plan = self.written()
        faults = list(plan_faults(plan, self.bounds))
        if faults:
            raise PlanUnfit(faults)
        return plan

    @property
    def shown_before(self) -> PlanProposal | None:
        """The plan that was shown to a person last."""
        plans = (turn["plan"] for turn in reversed(self.earlier))
        found = next((plan for plan in plans if plan is not None), self.told.get(BEFORE, {}).get("plan"))
        return None if found is None else PlanProposal.model_validate(found)

    @property
    def replans(self) -> int:
        """How many plans were rejected before this turn."""
        return sum(turn["plan"] is not None for turn in self.earlier)

    @property
    def unfit_before(self) -> int:
        """Turns directly before this one that brought no plan that fits."""
        count = 0
        for turn in reversed(self.earlier):
            if turn["plan"] is not None:
                break
            count += 1
        return count


def turn_at(at: Rendering) -> PlanTurn:
    """The turn around a step. Raises BlobNeeded."""
    scope = scope_path_of(at.path)
    path = scope_path_of(scope)
    step = at.flow.graph.step_at(path)
    plan, model = find_execution(at.state.root, path), find_execution(at.state.root, f"{scope}/{MODEL}")
    assert isinstance(step, PlanProposalStep), path
    assert plan is not None, path
    assert plan.branches is not None, path
    assert model is not None, scope
    told = resolve_value(plan.input, at.values.resolve)
    earlier = [resolve_value(turn, at.values.resolve)["turn"] for turn in plan.branches.outputs.in_order()]

    hidden = hidden_tools(at.state, model, told["tools"])

    def refused(tool: str) -> str | None:
        verdict = at.judge.verdict(tool, at.state)
        return verdict.message if verdict.denied else None

    tools = [one for one in told["tools"] if one not in hidden]
    around = at.flow.graph.steps_of(scope_path_of(path))
    onward = Onward(tuple(one.id for one in around.steps), around.position[step.id], around.gated_by)
    return PlanTurn(
        step,
        told,
        earlier,
        str(resolve_value(model.output, at.values.resolve)["text"]),
        find_execution(at.state.root, f"{scope}/{REVIEW}"),
        Bounds(tools, step.max_steps, refused, at.judge.faults, onward),
    )
