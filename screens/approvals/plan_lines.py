"""A plan as lines of the decision card: every step with its parameters in full. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from screens.approvals.styled_lines import Ink, Line
from screens.widgets.status_labels import RISK_LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.contracts.runs.request import ApprovalView


def plan_lines(
    view: ApprovalView, line: Callable[[str, Ink], Line], value_lines: Callable[[Any, int], list[Line]]
) -> Iterator[Line]:
    """The steps in their order, then what the plan is thought to cost, and where the flow goes on."""
    for number, step in enumerate(view.planned, 1):
        risk = RISK_LABELS[step.risk]
        yield line("", Ink.PLAIN)
        yield line(f"{number}. {step.step_id}: {step.tool}   {risk.symbol} {risk.word}", Ink.NAME)
        known = {"asks_again": step.asks_again, "why": step.description or None}
        said = {name: words for name, words in known.items() if words is not None}
        # one level deeper: no parameter can look like what we say of the step
        yield from value_lines({**said, "params": step.params}, 1)
    params = view.action.params if view.action is not None else {}
    onward = {name: params[name] for name in ("goes_on_with", "left_out") if name in params}
    yield line("", Ink.PLAIN)
    yield from value_lines({"estimated_cost": params.get("estimated_cost"), **onward}, 0)
