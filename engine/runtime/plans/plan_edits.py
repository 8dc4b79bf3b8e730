"""What a person changes in a plan, or a call, on which they decide: held against the tools, with its diff."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from engine.contracts.masks import MASKED
from engine.contracts.runs.plan import MAX_PLANNED, PLAN, PlannedStep, PlanProposal
from engine.errors import InvalidInput
from engine.journal.encoding import decode
from engine.json_schema.forms import load_checks
from engine.runtime.plans.editing import edited, is_same_plan, plan_diff
from engine.runtime.plans.reading import MOST_CHARACTERS, Bounds, plan_faults
from engine.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.contracts.runs.plan import PlanEdits
    from engine.governance.redactor import StoredValue
    from engine.journal.rows import RequestViewRow
    from engine.runtime.value_store import ValueStore


class PlanEditing:
    """`faults` is what of parameters does not fit a tool, by place."""

    def __init__(self, values: ValueStore, faults: Callable[[str, Any], Sequence[tuple[str, str]]]) -> None:
        self._values = values
        self._faults = faults

    async def stored(self, row: RequestViewRow, edits: PlanEdits) -> StoredValue | None:
        """The edits as the decision keeps them; None when they change nothing of a plan. Raises InvalidInput:
        also when they change nothing of a call, which is to ask again."""
        body = await self._values.load(decode(row["opened_event"])["body"])
        plan = _what_it_shows(body)
        if plan is None:
            message = (
                f"approval {row['request_id']} cannot be changed: a plan can be, and a call that a "
                "model chose, if it asked since calls can be changed"
            )
            raise InvalidInput(message, {"approval_id": row["request_id"]})
        await asyncio.to_thread(_require_readable, edits)
        changed = edited(plan, edits)
        _require_no_new_masks(plan, changed)
        await asyncio.to_thread(self._require_no_secrets, plan, changed)
        await load_checks()
        bounds = Bounds([step.tool for step in plan.steps], MAX_PLANNED, _allowed, self._faults)
        faults = list(plan_faults(changed, bounds))
        if faults:
            raise InvalidInput(f"the changed plan does not fit: {'; '.join(faults[:5])}", {"errors": faults})
        if is_same_plan(plan, changed):
            if body.get("changeable"):
                message = (
                    "the edits change nothing of the call, which would be made: approve it without edits"
                )
                raise InvalidInput(message, {"approval_id": row["request_id"]})
            return None
        diff = plan_diff(plan, changed)
        steps = [{"step_id": step.step_id, "params": step.params} for step in changed.steps]
        return await self._values.store_any({"steps": steps, "diff": diff})

    def _require_no_secrets(self, plan: PlanProposal, changed: PlanProposal) -> None:
        """Raises InvalidInput for what is struck out before it is kept: the tool would get a mask."""
        before = {step.step_id: step.params for step in plan.steps}
        for step in changed.steps:
            params = step.params
            if params != before[step.step_id] and self._values.scrubbed(params) != params:
                message = (
                    f"the parameters of the step {step.step_id} hold a secret: it is not kept, and the tool "
                    "would get a mask in its place"
                )
                raise InvalidInput(message, {"step_id": step.step_id})


def _require_readable(edits: PlanEdits) -> None:
    """Raises InvalidInput for more than a person reads, and for what is not JSON."""
    try:
        size = len(canonical_json([edit.params for edit in edits.steps]))
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput("the changed plan is not JSON: only finite numbers and Unicode text") from None
    if size > MOST_CHARACTERS:
        message = f"the parameters of the changed plan have {size:,} bytes; {MOST_CHARACTERS:,} are the most"
        raise InvalidInput(message, {"size_bytes": size, "limit_bytes": MOST_CHARACTERS})


def _require_no_new_masks(plan: PlanProposal, changed: PlanProposal) -> None:
    """Raises InvalidInput where a mask stands that the plan does not have: whoever may not decide sees
    masks, and what they copied is no parameter."""
    before = {step.step_id: step.params for step in plan.steps}
    for step in changed.steps:
        if _masks(step.params) - _masks(before[step.step_id]):
            message = (
                f"a mask stands in the parameters of the step {step.step_id} where the plan has a value: "
                "leave params out to keep them, or take them from vasini approval --plan as an approver"
            )
            raise InvalidInput(message, {"step_id": step.step_id})


def _masks(params: Any) -> Counter[str]:
    return Counter(MASKED.findall(canonical_json(params).decode()))


def _what_it_shows(body: dict[str, Any]) -> PlanProposal | None:
    """The plan that an approval is about, of one step where it is a call that a model chose."""
    action = body.get("action")
    if action is None:
        return None
    if action["kind"] == PLAN:
        return _plan_of(action["params"], body["message"])
    if not body.get("changeable"):
        return None
    call = PlannedStep(step_id=action["step_id"], tool=action["target"], params=action["params"])
    return PlanProposal(summary=body["message"] or body["title"], steps=(call,))


def _plan_of(params: Any, summary: str) -> PlanProposal:
    """The plan that a card shows."""
    steps = [
        PlannedStep(
            step_id=one["step_id"],
            tool=one["tool"],
            description=one["description"],
            params=one["params"],
        )
        for one in params["steps"]
    ]
    return PlanProposal(summary=summary, steps=tuple(steps))


def _allowed(_tool: str) -> None:
    """Policy is asked when the plan is worked, and again before each call: tools cannot be changed."""
