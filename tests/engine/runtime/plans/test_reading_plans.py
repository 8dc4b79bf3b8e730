"""What a model wrote is read as a plan, or told back to it; what a person changes is held against it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.contracts.runs.plan import PlanEdit, PlanEdits, PlanProposal
from engine.errors import InvalidInput
from engine.runtime.plans.editing import diff_words, edited, plan_diff
from engine.runtime.plans.reading import MOST_CHARACTERS, Bounds, PlanUnfit, part_of, plan_faults, read_plan

Step = dict[str, Any]


def call(step_id: str, tool: str = "note", **params: Any) -> Step:
    return {"step_id": step_id, "tool": tool, "params": params}


def written(*steps: Step, **fields: Any) -> str:
    return json.dumps({"summary": "Do it.", "steps": list(steps), **fields})


def fits(tool: str, params: Any) -> list[tuple[str, str]]:
    """A tool that takes texts."""
    return [(f"/{name}", "is no text") for name, value in params.items() if not isinstance(value, str)]


def refused(tool: str) -> str | None:
    return "the tool is blocked" if tool == "blocked" else None


BOUNDS = Bounds(["note", "blocked"], 5, refused, fits)


def faults(text: str) -> list[str]:
    try:
        plan = read_plan(text, BOUNDS.max_steps)
    except PlanUnfit as unfit:
        return unfit.faults
    return list(plan_faults(plan, BOUNDS))


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else "end"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("no", "it is no JSON"),
        ('{"a": NaN}', "it is no JSON"),
        ('{"summary": "\\ud800"}', "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("7", "the whole: Input should be a valid dictionary or instance of PlanProposal"),
        (" " * (MOST_CHARACTERS + 1), "it has 400,001 characters; 400,000 are the most"),
        (written(), "steps: Tuple should have at least 1 item after validation, not 0"),
        (written(*(call(f"s{n}") for n in range(6))), "it has 6 steps; 5 are the most"),
        (
            json.dumps({"summary": "x", "steps": [0] * 10_000}),
            "it has 10,000 steps; 5 are the most",
        ),
        (written(call("a"), call("a")), "two of its steps have the same step_id"),
        (written(call("../a")), "steps.0.step_id: String should match pattern"),
        (written(call("a", "shell")), "the tool shell is not offered to you; yours are: note, blocked"),
        (written(call("a", "blocked")), "the tool blocked: the tool is blocked"),
        (written(call("a"), required_tools=["shell"]), "the tool shell is not offered to you"),
        (written(call("a"), approvals=[{"step_id": "b"}]), "approvals names b, which is no step of it"),
        (
            written(call("a"), estimated_cost={"amount": "-1"}),
            "estimated_cost.amount: Input should be greater",
        ),
        (written(call("a"), schema_version="2.0"), "schema_version: Input should be '1.0'"),
        (written(call("a"), next_step="b"), "next_step: Extra inputs are not permitted"),
        (written({**call("a"), "step_type": "agent"}), "steps.0.step_type: Input should be 'tool'"),
        (written(call("a", key={"$secret": "mine"})), "step a: its params name a secret"),
        (written(call("a", key=[{"x": {"$secret": "mine"}}])), "step a: its params name a secret"),
        (written(call("a", x=1)), "step a: params/x: is no text"),
        (written(call("a", x=nested(40))), "step a: its params are nested deeper than 32 levels"),
        (
            written(call("a"), estimated_cost={"details": {"x": nested(40)}}),
            "estimated_cost.details are nested deeper than 32 levels",
        ),
        (written(call("a", x={"$output": "a"})), "step a: x: a is the output of no step before it"),
        (written(call("a", x={"$output": "b"}), call("b")), "step a: x: b is the output of no step"),
        (written(call("b"), call("a", x={"$output": "b c"})), "step a: x: $output is written step_id"),
        (written(call("b"), call("a", x=[{"$output": "b"}])), "step a: x: $output stands alone"),
    ],
)
def test_what_is_no_plan_or_cannot_be_is_told(text: str, fault: str) -> None:
    assert any(one.startswith(fault) for one in faults(text)), faults(text)


def test_what_is_told_is_bounded_however_much_is_wrong() -> None:
    many = written(*({"x" * 5_000: "y"} for _ in range(5)))
    told = faults(many)
    assert len(told) <= 10
    assert all(len(one) <= 200 for one in told)


def test_a_fenced_answer_is_read_and_outputs_of_earlier_steps_are_checked_later() -> None:
    text = written(call("a", x="one"), call("b", x={"$output": "a.rows.0"}))
    assert faults(text) == []
    assert faults(f"```json\n{text}\n```") == []


def test_the_part_of_an_output_is_found_or_named() -> None:
    assert part_of({"rows": [{"n": 1}]}, "a.rows.0.n") == 1
    assert part_of("all", "a") == "all"
    for missing in ("a.rows.1", "a.rows.x", "a.none", "a.rows.0.n.deeper", "a.rows.99999999999999999999"):
        with pytest.raises(KeyError):
            part_of({"rows": [{"n": 1}]}, missing)


def plan(*steps: Step, **fields: Any) -> PlanProposal:
    return PlanProposal.model_validate_json(written(*steps, **fields))


def edit(before: PlanProposal, *steps: tuple[str, Any]) -> PlanProposal:
    return edited(before, PlanEdits(steps=tuple(PlanEdit(step_id=s, params=p) for s, p in steps)))


def test_no_parameter_is_called_as_what_stands_for_an_output() -> None:
    (fault,) = faults(written(call("one", **{"$output": "zero"})))
    assert fault == "step one: $output is no name of a parameter: it stands as the value of one"


def test_edits_can_take_away_move_and_change_and_nothing_else() -> None:
    before = plan(call("a", x="1"), call("b", x="2"), approvals=[{"step_id": "a"}])
    after = edit(before, ("b", {"x": "3"}))
    assert [(step.step_id, step.params) for step in after.steps] == [("b", {"x": "3"})]
    assert after.approvals == ()
    assert [step.step_id for step in edit(before, ("b", None), ("a", None)).steps] == ["b", "a"]
    for wrong in ((("c", None),), (("a", None), ("a", None))):
        with pytest.raises(InvalidInput):
            edit(before, *wrong)


def test_what_lies_between_two_plans_is_told_in_lines_and_in_words() -> None:
    before = plan(call("a", x="1"), call("b", x="2"), call("c"))
    after = plan(call("c"), call("a", x="7\n8"), call("d"))
    assert (
        diff_words(before, after) == "against the plan before: 1 added, 1 removed, 1 changed, another order"
    )
    lines = plan_diff(before, after).split("\n")
    assert "-b: note" in lines
    assert "+d: note" in lines
    assert "+        8" in lines
    assert plan_diff(before, before) == ""


def test_plans_that_are_too_long_to_compare_say_so_at_once() -> None:
    long = plan(call("a", x="\n" * 5_000))
    assert "too many to compare" in plan_diff(long, plan(call("a")))


def test_a_number_that_became_a_truth_value_is_a_change_between_two_plans() -> None:
    before, after = plan(call("a", force=1)), plan(call("a", force=True))
    assert diff_words(before, after) == "against the plan before: 1 changed"
