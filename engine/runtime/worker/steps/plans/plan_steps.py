"""Rendering of a plan and of the steps inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.plan_step import PlanProposalStep, PlanStepsStep, ReviewStep
from engine.contracts.runs.plan import PlanEdit, PlanEdits
from engine.contracts.status import StepErrorCode, StepStatus
from engine.machine.model.inputs import StepPrepared
from engine.machine.model.state import find_execution
from engine.machine.transition_builder import failure
from engine.runtime.clock import new_id
from engine.runtime.plans.editing import edited
from engine.runtime.plans.reading import MOST_FAULTS, PlanUnfit, plan_faults
from engine.runtime.worker.steps.agents.hooked import refused_plan, refused_start
from engine.runtime.worker.steps.agents.told.images import images_of
from engine.runtime.worker.steps.plans.plan_card import bound_plan, card_of, listings
from engine.runtime.worker.steps.plans.replanned import BEFORE, GOES_ON, plan_before
from engine.runtime.worker.steps.plans.turns import ASKED_AGAIN, PlanTurn, turn_at
from engine.runtime.worker.steps.rendering import Rendering, StepRenderer
from engine.values import canonical_json, digest_of, resolve_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.runs.plan import PlanProposal
    from engine.machine.model.state import Execution

NAMED = 10
"""Steps that the event names."""
_SUMMARY = 500
"""Characters of the summary that it tells."""


class PlanRenderer(StepRenderer[PlanProposalStep]):
    """Renders what the model is told, and which tools its plan may name."""

    type = "plan_proposal"

    def prepare(self, step: PlanProposalStep, at: Rendering) -> StepPrepared:
        """What it is told, with the script of the scripted model."""
        offered = at.flow.layer.offered if at.flow.layer is not None else None
        tools = step.tools if step.tools is not None else sorted(offered or ())
        before, count = plan_before(step, at) or (None, 0)
        told = {
            "instructions": at.text(step.instructions),
            "prompt": at.text(step.prompt),
            "tools": list(tools),
            "model": step.model,
            "script": [_scripted(one) for one in at.value(list(step.script))][count:],
            **({} if before is None else {BEFORE: before}),
            **({"images": images_of(step, at)} if step.images else {}),
        }
        refused = refused_start(at, told)
        if refused is not None:
            return refused
        return StepPrepared(now=at.now, path=at.path, value=at.store(told))

    def handed_on(self, step: PlanProposalStep, joined: Any) -> Any:
        """The plan that was worked, and what its steps brought, by their ids."""
        last = joined[-1]
        plan, results = last["turn"]["plan"], last["results"]
        outputs = {one["step_id"]: result for one, result in zip(plan["steps"], results, strict=True)}
        onward = last["turn"].get(GOES_ON)
        return {**plan, "outputs": outputs, **({} if onward is None else {GOES_ON: onward})}

    def jump(self, step: PlanProposalStep, handed_on: Any) -> str | None:
        """Where the plan that was approved says that the flow goes on."""
        onward: str | None = handed_on.get(GOES_ON)
        return onward

    def artifact(
        self, step: PlanProposalStep, execution: Execution
    ) -> tuple[tuple[str, ...], Mapping[str, Any]] | None:
        """`artifacts.plan.proposal`."""
        return ("plan",), {"proposal": execution.output}


class ReviewRenderer(StepRenderer[ReviewStep]):
    """Renders what a person is asked about a plan; nobody is asked about one that cannot be."""

    type = "plan_review"

    def prepare(self, step: ReviewStep, at: Rendering) -> StepPrepared:
        """The whole plan: its calls with their parameters, what asks again, risk and cost."""
        turn = turn_at(at)
        refused = refused_plan(at, turn.text)
        if refused is not None:
            return refused
        try:
            plan = turn.proposed()
        except PlanUnfit:
            return StepPrepared(now=at.now, path=at.path, run=False)
        card = card_of(turn, plan, at)
        return StepPrepared(
            now=at.now,
            path=at.path,
            new_id=new_id("appr"),
            value=at.store({"asks": card.asks}),
            request={"body": at.store(card.body)},
            digest=digest_of({"action": card.action_digest, "body": card.body}),
            action_digest=card.action_digest,
            risk=card.risk.value,
            plan=_summary(plan, len(card.asks), at.values.redact(plan.summary)),
        )


class PlanStepsRenderer(StepRenderer[PlanStepsStep]):
    """The calls of a plan that was approved, or why there is another turn, or none."""

    type = "plan_steps"

    def prepare(self, step: PlanStepsStep, at: Rendering) -> StepPrepared:
        """A retry of the run asks for another plan where this turn brought none that can be worked."""
        turn = turn_at(at)
        opened_again = find_execution(at.state.root, at.path) is not None
        review = turn.review
        if review is None or review.status is StepStatus.SKIPPED:
            return _unfit(turn, at, last=turn.unfit_before >= ASKED_AGAIN and not opened_again)
        if review.status is StepStatus.COMPLETED:
            return _approved(turn, review, at, opened_again=opened_again)
        error = review.error or failure(StepErrorCode.UNKNOWN, "no reason given")
        rejected = error["code"] == StepErrorCode.APPROVAL_REJECTED
        if not opened_again and (not rejected or turn.replans >= turn.step.max_replans):
            details = {**error["details"], "replans": turn.replans}
            return StepPrepared(now=at.now, path=at.path, error={**error, "details": details})
        told = f"Your plan was not approved: {error['message']}. Propose another one."
        value = at.store({"text": turn.text, "plan": turn.written().model_dump(mode="json"), "told": told})
        return StepPrepared(
            now=at.now, path=at.path, value=value, again=True, plan={"replan": turn.replans + 1}
        )


def _unfit(turn: PlanTurn, at: Rendering, *, last: bool) -> StepPrepared:
    """The model is told what does not fit, unless it has been told often enough."""
    try:
        turn.proposed()
        faults = ["what it may name has changed"]
    except PlanUnfit as unfit:
        faults = at.values.redact(unfit.faults)
    if last:
        return StepPrepared(now=at.now, path=at.path, plan={"errors": faults})
    return _told(turn, at, faults)


def _told(turn: PlanTurn, at: Rendering, faults: list[str]) -> StepPrepared:
    told = f"Your plan does not fit: {'; '.join(faults)}. Propose it again."
    value = at.store({"text": turn.text, "plan": None, "told": told})
    return StepPrepared(now=at.now, path=at.path, value=value, again=True, plan={"errors": faults})


def _approved(turn: PlanTurn, review: Execution, at: Rendering, *, opened_again: bool) -> StepPrepared:
    """The plan as it was approved, if all of it still can be."""
    plan = _edited(turn.written(), review, at)
    faults = at.values.redact(list(plan_faults(plan, turn.bounds))[:MOST_FAULTS])
    bound = bound_plan(turn.written(), at)
    if not faults and bound != review.digest:
        faults = ["a tool of it is not what it was when the plan was shown"]
    if faults and opened_again:
        return _told(turn, at, faults)
    if faults:
        words = "; ".join(faults)
        message = f"the plan that was approved cannot be any more, nothing of it was done: {words}"
        error = failure(StepErrorCode.APPROVAL_VOID, message, errors=faults)
        return StepPrepared(now=at.now, path=at.path, error=error)
    asks = resolve_value(review.input, at.values.resolve)["asks"]
    onward = turn.bounds.onward.goes_on_with(plan)
    kept = {
        **({} if onward is None else {GOES_ON: onward}),
        "text": turn.text,
        "plan": plan.model_dump(mode="json"),
        "told": None,
        "asks": asks,
        "listed": listings(plan, at),
    }
    return StepPrepared(
        now=at.now,
        path=at.path,
        value=at.store(kept),
        total=len(plan.steps),
        action_digest=bound,
    )


def _edited(plan: PlanProposal, review: Execution, at: Rendering) -> PlanProposal:
    """With what the person who approved it changed. Raises BlobNeeded."""
    said = resolve_value((review.decision or {}).get("edits"), at.values.resolve)
    if said is None:
        return plan
    steps = tuple(PlanEdit(step_id=one["step_id"], params=one["params"]) for one in said["steps"])
    return edited(plan, PlanEdits(steps=steps))


def _summary(plan: PlanProposal, asking: int, words: str) -> dict[str, Any]:
    cost = plan.estimated_cost
    known = None if cost is None else cost.model_dump(mode="json", include={"currency", "amount", "tokens"})
    return {
        "summary": words[:_SUMMARY],
        "steps_count": len(plan.steps),
        "step_ids": [step.step_id for step in plan.steps[:NAMED]],
        "required_tools": list(dict.fromkeys(step.tool for step in plan.steps)),
        "approvals_count": asking,
        "estimated_cost": known,
    }


def _scripted(written: Any) -> dict[str, Any]:
    text = written if isinstance(written, str) else canonical_json(written).decode()
    return {"text": text, "calls": []}
