"""Where a flow goes on behind a plan that names it: forward only, and past no approval of what runs then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.contracts.runs.plan import PlanProposal

THE_END = "done"
"""What a step names that the flow ends behind."""


@dataclass(frozen=True, slots=True)
class Onward:
    """The list of steps that a plan stands in: their ids in order, its own place, which approval gates which
    step."""

    steps: tuple[str, ...] = ()
    own: int = 0
    gated_by: Mapping[str, str] = field(default_factory=dict)

    def goes_on_with(self, plan: PlanProposal) -> str | None:
        """The step that the plan names, or that the flow ends; None for one that names none. Only for a plan
        without faults."""
        place = self._place(plan)
        if place is None:
            return None
        return self.steps[place] if place < len(self.steps) else THE_END

    def left_out(self, plan: PlanProposal) -> list[str]:
        """The steps that are passed over."""
        place = self._place(plan)
        return [] if place is None else list(self.steps[self.own + 1 : place])

    def faults(self, plan: PlanProposal) -> Iterator[str]:
        """Why the flow cannot go on there."""
        if not plan.starts:
            return
        place = self._place(plan)
        behind = ", ".join(self.steps[self.own + 1 :]) or "none"
        if place is None or not self.own < place <= len(self.steps):
            named = plan.start_at if plan.start_index is None else f"step {plan.start_index}"
            yield f"the flow cannot go on with {named}: the steps behind this plan are: {behind}"
            return
        position = {step: number for number, step in enumerate(self.steps)}
        for gated, approval in self.gated_by.items():
            if self.own < position[approval] < place <= position[gated]:
                yield f"the flow cannot go on past {approval}, which a person approves {gated} with"

    def _place(self, plan: PlanProposal) -> int | None:
        if plan.start_index is not None:
            return plan.start_index
        return self.steps.index(plan.start_at) if plan.start_at in self.steps else None
