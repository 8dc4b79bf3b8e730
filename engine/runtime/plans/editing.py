"""A plan as a person changed it, and what lies between two plans."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.values import is_same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.runs.plan import PlanEdits, PlannedStep, PlanProposal

MOST_COMPARED = 4_000
"""Lines compared one with another; more would take too long."""


def edited(plan: PlanProposal, edits: PlanEdits) -> PlanProposal:
    """The plan with the steps that stay, in their order and with their parameters. Raises InvalidInput."""
    known = {step.step_id: step for step in plan.steps}
    names = [edit.step_id for edit in edits.steps]
    for name in names:
        if name not in known:
            words = ", ".join(known)
            raise InvalidInput(f"the plan has no step {name}; its steps are: {words}", {"step_id": name})
        if names.count(name) > 1:
            raise InvalidInput(f"the step {name} is named twice", {"step_id": name})
    steps = [
        known[edit.step_id]
        if edit.params is None
        else known[edit.step_id].model_copy(update={"params": edit.params})
        for edit in edits.steps
    ]
    kept = tuple(approval for approval in plan.approvals if approval.step_id in names)
    tools = tuple(tool for tool in plan.required_tools if tool in {step.tool for step in steps})
    return plan.model_copy(update={"steps": tuple(steps), "approvals": kept, "required_tools": tools})


def plan_diff(before: PlanProposal, after: PlanProposal) -> str:
    """The lines that differ, as diff writes them; empty when none do."""
    old, new = list(_lines(before)), list(_lines(after))
    if len(old) + len(new) > MOST_COMPARED:
        return "\n".join((f"-{len(old):,} lines", f"+{len(new):,} lines (too many to compare)"))
    return "\n".join(difflib.unified_diff(old, new, "before", "now", n=1_000_000, lineterm=""))


def is_same_plan(before: PlanProposal, after: PlanProposal) -> bool:
    """Whether the same calls would be made: lines of a diff may read the same where they would not."""
    return len(before.steps) == len(after.steps) and all(map(_is_same_step, before.steps, after.steps))


def diff_words(before: PlanProposal, after: PlanProposal) -> str:
    """What lies between two plans in one line."""
    old = {step.step_id: step for step in before.steps}
    new = {step.step_id: step for step in after.steps}
    both = [name for name in new if name in old]
    counted = (
        (len(new.keys() - old.keys()), "added"),
        (len(old.keys() - new.keys()), "removed"),
        (sum(not _is_same_step(old[name], new[name]) for name in both), "changed"),
    )
    words = [f"{count} {what}" for count, what in counted if count]
    if both != [name for name in old if name in new]:
        words.append("another order")
    if _start_of(before) != _start_of(after):
        words.append("the flow goes on elsewhere")
    return f"against the plan before: {', '.join(words) or 'the same steps'}"


def _is_same_step(one: PlannedStep, other: PlannedStep) -> bool:
    return one == other and is_same(one.params, other.params)


def _lines(plan: PlanProposal) -> Iterator[str]:
    yield from (f"summary: {line}" for line in plan.summary.split("\n"))
    for step in plan.steps:
        yield f"{step.step_id}: {step.tool}"
        yield from (f"    {line}" for line in step.description.split("\n") if line)
        if step.requires_approval:
            yield "    asks before it runs"
        for name, value in step.params.items():
            yield from _value_lines(name, value)
    if plan.starts:
        yield f"the flow goes on with: {_start_of(plan)}"


def _start_of(plan: PlanProposal) -> str | None:
    return plan.start_at if plan.start_index is None else f"step {plan.start_index}"


def _value_lines(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value:
        yield f"    {name}:"
        yield from (f"        {line}" for line in value.split("\n"))
    else:
        shown = json.dumps(value, ensure_ascii=False, indent=2).split("\n")
        yield f"    {name}: {shown[0]}"
        yield from (f"    {line}" for line in shown[1:])
