"""A plan as it is prepared: what a person is shown of it, what an approval is bound to, and what follows."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.contracts.status import StepErrorCode, StepStatus
from engine.frozen import replace
from engine.machine.model.state import Branches, Execution, Outputs, RunState, Scope
from engine.machine.transition_builder import failure
from engine.runtime.worker.steps.plans.replanned import plan_before
from engine.values import digest_of
from tests.engine.runtime.rendered import PACK, execution, prepared

if TYPE_CHECKING:
    from engine.contracts.flows.plan_step import PlanProposalStep
    from engine.machine.model.inputs import StepPrepared
    from engine.runtime.worker.steps.rendering import Rendering

TOOLS = ["data.read", "files.read", "files.write"]
READ = {"step_id": "look", "tool": "files.read", "params": {"root": "/in", "path": "a.txt"}}
AGAIN = {**READ, "step_id": "again"}
WRITE = {"step_id": "keep", "tool": "files.write", "params": {"root": "/in", "path": "b.txt", "text": "x"}}
SECRET = {"root": "/in", "path": "b.txt", "text": f"ghp_{'hunter2' * 4}"}
OTHER = {"root": "/in", "path": "c.txt", "text": "y"}
NO_PLAN = {"text": "?", "plan": None, "told": "Propose it again."}


def written(*steps: Any, **fields: Any) -> dict[str, Any]:
    return {"summary": "Do it.", "steps": list(steps), **fields}


def at(
    step: str,
    plan: Any,
    *earlier: Any,
    review: Execution | None = None,
    opened_again: bool = False,
    pack: str = PACK,
    **fields: Any,
) -> StepPrepared:
    """The step of a turn in which the model wrote `plan`, after turns that ended `earlier`."""
    text = plan if isinstance(plan, str) else json.dumps(plan)
    scope = f"plan/{len(earlier)}"
    model = execution(f"{scope}/model", "model", output={"text": text}, status=StepStatus.COMPLETED)
    if review is not None:
        review = replace(review, path=f"{scope}/review")
    there = {"model": model, "review": review, "steps": execution(f"{scope}/steps", "plan_steps")}
    if not opened_again:
        del there["steps"]
    executions = {name: one for name, one in there.items() if one is not None}
    branches = Branches(
        total=len(earlier) + 1,
        children={len(earlier): Scope(path=scope, executions=executions)},
        outputs=Outputs.of(enumerate({"turn": turn} for turn in earlier)),
    )
    told = {"instructions": "i", "prompt": "p", "tools": TOOLS, "model": None, "script": []}
    flow = {"id": "plan", "type": "plan_proposal", "instructions": "i", "prompt": "p", "tools": TOOLS}
    work = execution("plan", "plan_proposal", input=told, branches=branches)
    return prepared({**flow, **fields}, work, f"{scope}/{step}", pack=pack)


def shown(plan: Any, *earlier: Any, **fields: Any) -> StepPrepared:
    found = at("review", plan, *earlier, **fields)
    assert found.error is None, found.error
    return found


def body(found: StepPrepared) -> dict[str, Any]:
    assert found.request is not None
    shown_body: dict[str, Any] = found.request["body"]
    return shown_body


def reviewed(
    plan: Any, status: StepStatus, error: dict[str, Any] | None = None, decision: Any = None
) -> Execution:
    """The review of a plan, decided so."""
    asked = shown(plan)
    given = {"input": asked.value, "digest": asked.action_digest, "error": error, "decision": decision}
    return execution("plan/0/review", "plan_review", status=status, **given)


def test_a_plan_is_shown_with_its_steps_their_risk_and_what_asks_again() -> None:
    plan = written(
        READ,
        {**AGAIN, "requires_approval": True},
        {**WRITE, "description": "Keeps it.", "params": SECRET},
        approvals=[{"step_id": "look", "reason": "it is dear"}],
        estimated_cost={"amount": "0.5", "tokens": 9, "details": {"a": 1}},
    )
    found = shown(plan)
    card = body(found)
    assert card["title"] == "plan: a plan of 3 steps"
    steps = card["action"]["params"]["steps"]
    assert [(one["tool"], one["risk"]) for one in steps] == [
        *[("files.read", "low")] * 2,
        ("files.write", "medium"),
    ]
    assert found.risk == "medium", "the highest of its steps"
    assert shown(plan, risk="high").risk == "high", "and its own"
    assert [one["asks_again"] for one in steps[:2]] == [
        "it is dear",
        "the plan wants this call seen once more",
    ]
    assert steps[2]["asks_again"] is None
    assert "hunter2" not in str(found)
    assert found.digest == digest_of({"action": found.action_digest, "body": card})
    assert card["action"]["params"]["estimated_cost"]["amount"] == "0.5"
    assert (card["preview"], card["message"]) == (None, "Do it.")
    assert found.plan == {
        "summary": "Do it.",
        "steps_count": 3,
        "step_ids": ["look", "again", "keep"],
        "required_tools": ["files.read", "files.write"],
        "approvals_count": 2,
        "estimated_cost": {"currency": "USD", "amount": "0.5", "tokens": 9},
    }
    assert body(shown(written(READ)))["title"] == "plan: a plan of 1 step"
    assert body(shown(written(READ)))["action"]["params"]["estimated_cost"] == "unknown"


def test_of_a_long_plan_its_event_tells_the_beginning() -> None:
    many = [{**READ, "step_id": f"s{number}"} for number in range(12)]
    found = shown(written(*many, summary="x" * 4_000), max_steps=12)
    assert found.plan is not None
    assert (len(found.plan["summary"]), found.plan["steps_count"]) == (500, 12)
    assert found.plan["step_ids"] == [f"s{number}" for number in range(10)]
    assert found.plan["required_tools"] == ["files.read"]


def test_an_approval_is_bound_to_the_plan_and_to_all_that_was_shown_of_it() -> None:
    plain, other = shown(written(READ)), shown(written(READ, summary="Do that."))
    named = shown(written(READ), name="A plan")
    assert plain.action_digest == named.action_digest != other.action_digest
    assert len({plain.digest, other.digest, named.digest}) == 3
    assert shown(written(READ), pack="1" * 64).action_digest != plain.action_digest
    first = {"text": "", "plan": written(WRITE, READ), "told": "No."}
    before = {"text": "", "plan": written(AGAIN), "told": "No."}
    again = body(shown(written(READ), first, before, NO_PLAN))
    assert again["preview"]["summary"] == "against the plan before: 1 added, 1 removed"


def test_nobody_is_asked_about_a_plan_that_cannot_be() -> None:
    for plan in ("no", written({**READ, "tool": "command.run"}), written(READ, AGAIN, AGAIN, READ)):
        assert at("review", plan).run is False


def test_an_approved_plan_is_worked_as_it_was_approved() -> None:
    plan = written(READ, WRITE)
    review = reviewed(plan, StepStatus.COMPLETED)
    worked = at("steps", plan, review=review)
    assert (worked.error, worked.total, worked.action_digest) == (None, 2, review.digest)
    edits = {"edits": {"steps": [{"step_id": "keep", "params": OTHER}]}}
    edited = at("steps", plan, review=reviewed(plan, StepStatus.COMPLETED, decision=edits))
    assert edited.total == 1
    assert edited.value["plan"]["steps"][0]["params"] == OTHER


def test_a_plan_that_is_another_than_was_shown_is_not_worked() -> None:
    review = reviewed(written(READ, summary="Another."), StepStatus.COMPLETED)
    void = at("steps", written(READ), review=review)
    assert void.error is not None
    assert void.error["code"] == StepErrorCode.APPROVAL_VOID
    assert "nothing of it was done: a tool of it is not what it was" in void.error["message"]
    again = at("steps", written(READ), review=review, opened_again=True)
    assert (again.error, again.again) == (None, True), "a retry of the run asks for another one"
    gone = written({**READ, "tool": "command.run"})
    unfit = at("steps", gone, review=execution("plan/0/review", "plan_review", status=StepStatus.COMPLETED))
    assert unfit.error is not None
    assert "command.run" in unfit.error["message"]


@pytest.mark.parametrize(("earlier", "last"), [((), False), ((NO_PLAN,), False), ((NO_PLAN, NO_PLAN), True)])
def test_a_plan_that_does_not_fit_is_told_back_so_often_and_no_more(earlier: Any, last: bool) -> None:
    skipped = execution("review", "plan_review", status=StepStatus.SKIPPED)
    told = at("steps", "no", *earlier, review=skipped)
    assert told.plan == {"errors": ["it is no JSON"]}
    assert (told.again, told.error) == (not last, None)
    if not last:
        assert told.value["told"] == "Your plan does not fit: it is no JSON. Propose it again."
    assert at("steps", "no", *earlier, opened_again=True).again, "a retry of the run asks once more"
    person_spoke = {"text": "", "plan": written(READ), "told": "No."}
    assert at("steps", "no", *earlier, person_spoke).again


def test_a_plan_that_could_be_by_now_is_proposed_again() -> None:
    told = at("steps", written(READ))
    assert told.plan == {"errors": ["what it may name has changed"]}
    assert told.again


def test_a_rejected_plan_is_told_back_until_there_were_too_many() -> None:
    no = failure(StepErrorCode.APPROVAL_REJECTED, "not on a Friday", by="bob")
    plan = written(READ)
    review = reviewed(plan, StepStatus.FAILED, no)
    told = at("steps", plan, NO_PLAN, review=review, max_replans=1)
    assert (told.again, told.plan) == (True, {"replan": 1})
    assert told.value["told"] == "Your plan was not approved: not on a Friday. Propose another one."
    before = {"text": "", "plan": plan, "told": "No."}
    assert at("steps", plan, before, review=review, max_replans=2).plan == {"replan": 2}
    ended = at("steps", plan, before, review=review, max_replans=1)
    assert ended.error is not None
    assert (ended.error["code"], ended.error["message"]) == (no["code"], "not on a Friday")
    assert (ended.error["details"]["by"], ended.error["details"]["replans"]) == ("bob", 1)
    assert at("steps", plan, before, review=review, max_replans=1, opened_again=True).again
    expired = reviewed(plan, StepStatus.FAILED, failure(StepErrorCode.TIMEOUT, "too late"))
    assert at("steps", plan, review=expired, max_replans=5).error is not None, "no person said no"


def before(worked: dict[str, Any], path: str = "plan") -> tuple[dict[str, Any], int] | None:
    """What a plan is told of the one before it, which was worked at that path."""
    noted = {"path": path, "output": worked, "step": "check", "said": "rejected: too dear", "count": 2}
    state = RunState(root=Scope(path="", replans={"plan": noted}))
    at_plan = SimpleNamespace(path="plan", state=state, values=SimpleNamespace(resolve=lambda value: value))
    return plan_before(cast("PlanProposalStep", SimpleNamespace(id="plan")), cast("Rendering", at_plan))


def test_a_plan_that_follows_one_that_was_worked_is_told_what_that_brought() -> None:
    found = before({**written(READ), "outputs": {"look": "x"}, "goes_on_with": "check"})
    assert found is not None
    told, count = found
    assert count == 2
    assert told["plan"] == written(READ)
    assert json.loads(told["text"]) == written(READ)
    assert 'Its steps brought: {"look":"x"}\nThen check was rejected: too dear.' in told["told"]
    assert before({**written(READ), "outputs": {}}, "other/plan") is None, "it follows none"


def test_of_what_a_worked_plan_brought_no_more_is_told_than_can_be_read() -> None:
    around = len('{"look":""}')
    for size, cut in ((32_000 - around, False), (32_001 - around, True)):
        found = before({**written(READ), "outputs": {"look": "x" * size}})
        assert found is not None
        assert ("… (cut: it has" in found[0]["told"]) is cut
        assert len(found[0]["told"]) < 32_500
