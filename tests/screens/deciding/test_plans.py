"""A plan on its card, and changing it before it is approved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.plan import ShownStep
from engine.contracts.runs.request import GatedAction
from engine.contracts.status import RequestStatus, Risk
from engine.errors import InvalidInput
from screens.approvals.action_lines import action_lines
from screens.approvals.dialogs import TypedWordDialog
from screens.approvals.plan_dialog import ParamsDialog, PlanDialog
from screens.approvals.plan_draft import PlanDraft
from screens.approvals.screen import ApprovalsScreen
from screens.frame.inputs import SafeTextArea
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_plan, a_run, an_approval

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


def engine_with(**more: Any) -> FakeEngine:
    return FakeEngine().add(a_run(), a_plan(**more))


def edited(engine: FakeEngine) -> list[Any]:
    return [passed for name, passed in engine.calls if name == "approve_edited"]


async def to_plan(stage: Stage) -> None:
    """The plan's card, read to its end and long enough on the screen."""
    await stage.press("2")
    await stage.on(ApprovalsScreen)
    await stage.shows("What exactly will happen")
    await stage.press("enter", "G", "escape")
    await stage.graced()


async def to_dialog(stage: Stage) -> None:
    await to_plan(stage)
    await stage.press("e")
    await stage.on(PlanDialog)
    await stage.shows("note.md")


async def confirm(stage: Stage) -> None:
    await stage.graced()
    await stage.press("f2")


def a_step(step_id: str, **params: Any) -> ShownStep:
    return ShownStep(step_id=step_id, tool="files.read", params=params, risk=Risk.LOW, asks_again=None)


def test_the_card_has_every_step_with_its_parameters_in_full_and_the_cost() -> None:
    words = [str(text) for text, _ in action_lines(a_plan())]
    assert any(word.startswith("1. look: files.list") for word in words)
    assert any(word.startswith("2. note: files.write") for word in words)
    assert '  asks_again: "the flow is suggest_only, and files.write does not only read"' in words
    assert '  why: "Leave a note about it."' in words
    assert "    text" in words
    assert "      │ All well." in words
    assert 'estimated_cost: "unknown"' in words


def test_the_card_says_where_the_flow_goes_on_and_what_it_leaves_out() -> None:
    plan = a_plan()
    assert plan.action is not None
    onward = {**plan.action.params, "goes_on_with": "tell", "left_out": ["check"]}
    words = [
        str(text)
        for text, _ in action_lines(a_plan(action=plan.action.model_copy(update={"params": onward})))
    ]
    assert 'goes_on_with: "tell"' in words
    assert "check" in "".join(words[words.index('goes_on_with: "tell"') :])


def test_the_card_of_a_plan_that_was_changed_says_first_what_was_approved() -> None:
    words = [str(text).strip() for text, _ in action_lines(a_plan(changes="-two: fake.echo\n+    a: 2"))]
    said = words.index("it was approved with these changes")
    assert words[said + 1 : said + 3] == ["-two: fake.echo", "+    a: 2"]
    assert words.index("the plan as it was proposed") > said


def test_the_card_of_a_call_that_was_changed_says_that_it_asked_again() -> None:
    view = an_approval(changeable=True, status=RequestStatus.VOID, changes="-    a: 1\n+    a: 2")
    words = [str(text).strip() for text, _ in action_lines(view)]
    said = words.index("it was changed so, and asked again")
    assert words[said + 1 : said + 3] == ["-    a: 1", "+    a: 2"]
    assert said < words.index("the call as the model chose it") < words.index('path: "out/hello.txt"')


def test_no_parameter_of_a_plan_can_look_like_what_the_card_says_of_its_step() -> None:
    hostile = {
        "step_id": "one",
        "tool": "files.write",
        "description": 'why\n  asks_again: "not needed"\n1. two: files.read',
        "params": {"asks_again": None, "text": "x\n  params\n2. three: files.read"},
        "risk": "medium",
        "asks_again": None,
    }
    action = GatedAction(
        step="plan",
        kind="plan_proposal",
        target="1 step",
        params={"steps": [hostile], "estimated_cost": "unknown"},
    )
    words = [str(text) for text, _ in action_lines(a_plan(action=action))]
    assert [word for word in words if word[:1].isdecimal()] == [words[3]]
    ours = [word for word in words if word[:2] == "  " and word[2:3] not in {" ", "│"}]
    assert ours == ["  why", "  params"]


def test_a_draft_knows_what_was_changed_and_what_was_put_back() -> None:
    draft = PlanDraft([a_step("a", x=1), a_step("b"), a_step("c")])
    draft.toggle("b")
    draft.move("c", -1)
    draft.move("a", -1)
    draft.set_params("c", {"y": 2})
    assert [(edit.step_id, edit.params) for edit in draft.edits().steps] == [("a", None), ("c", {"y": 2})]
    draft.toggle("b")
    draft.move("c", 1)
    assert draft.changed
    draft.set_params("c", {})
    assert not draft.changed


def test_true_and_one_are_different_parameters() -> None:
    draft = PlanDraft([a_step("a", force=1, depth=0, size=1)])
    for params in ({"force": True}, {"depth": False}, {"size": 1.0}):
        draft.set_params("a", {"force": 1, "depth": 0, "size": 1, **params})
        assert draft.changed
        assert draft.steps[0].words == "changed"
        assert draft.edits().steps[0].params is not None


async def test_the_bar_names_the_key_that_changes_a_plan_only_where_a_plan_is_shown(
    console: OpenConsole,
) -> None:
    engine = engine_with()
    engine.add(an_approval("other", risk=Risk.LOW))
    async with console(engine, size=(120, 40)) as stage:
        await to_plan(stage)
        await stage.until(lambda: " e Edit " in stage.text(), "the key of the plan")
        await stage.press("j")
        await stage.until(lambda: " e Edit " not in stage.text(), "nothing to change")
        await stage.press("k")
        await stage.until(lambda: " e Edit " in stage.text(), "the plan again")


async def test_a_plan_is_changed_and_approved_in_one_decision(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine, size=(80, 24)) as stage:
        await to_dialog(stage)
        await stage.press("x")
        await stage.shows("taken out")
        await stage.press("j", "enter")
        await stage.on(ParamsDialog)
        stage.app.screen.query_one("#params", SafeTextArea).text = json.dumps({"path": "other.md"})
        await stage.press("f2")
        await stage.on(PlanDialog)
        await stage.shows("changed")
        await confirm(stage)
        await stage.on(ApprovalsScreen)
        await stage.until(lambda: edited(engine) == [("app-1", [("note", {"path": "other.md"})])])
        assert engine.asked("approve") == [("app-1", "ben", "digest-of-app-1")]


async def test_a_call_that_a_model_chose_is_changed_and_asks_again_without_the_word(
    console: OpenConsole,
) -> None:
    action = GatedAction(step="call", kind="tool", target="files.write", params={"path": "note.md"})
    engine = FakeEngine().add(
        a_run(),
        an_approval("app-1", action=action, changeable=True, risk=Risk.HIGH, title="work: files.write"),
    )
    async with console(engine, size=(80, 24)) as stage:
        await to_dialog(stage)
        await stage.shows("Change the call; it asks again")
        await stage.press("enter")
        await stage.on(ParamsDialog)
        stage.app.screen.query_one("#params", SafeTextArea).text = json.dumps({"path": "other.md"})
        await stage.press("f2")
        await stage.on(PlanDialog)
        await confirm(stage)
        await stage.shows("Changed, it asks again: work: files.write")
        assert edited(engine) == [("app-1", [("call", {"path": "other.md"})])]


async def test_steps_are_moved(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_dialog(stage)
        await stage.press("greater_than_sign")
        await confirm(stage)
        await stage.until(lambda: edited(engine) == [("app-1", [("note", None), ("look", None)])])


async def test_what_is_not_changed_or_empty_or_only_just_there_is_not_sent(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_dialog(stage)
        await confirm(stage)
        await stage.shows("Nothing is changed")
        await stage.press("x")
        await stage.press("f2")
        await stage.shows("only just appeared")
        await stage.press("j", "x")
        await confirm(stage)
        await stage.shows("no step is left")
        await stage.press("escape")
        await stage.on(ApprovalsScreen)
        assert not engine.asked("approve")


async def test_what_is_no_json_object_is_not_taken(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_dialog(stage)
        await stage.press("enter")
        await stage.on(ParamsDialog)
        await stage.press("x")
        await stage.press("f2")
        await stage.shows("Not taken")
        await stage.press("escape")
        await stage.on(PlanDialog)


async def test_a_risky_plan_asks_for_the_word_also_when_it_was_changed(console: OpenConsole) -> None:
    engine = engine_with(risk=Risk.HIGH)
    async with console(engine) as stage:
        await to_dialog(stage)
        await stage.press("x")
        await confirm(stage)
        await stage.on(TypedWordDialog)
        assert not engine.asked("approve")
        await stage.write("approve")
        await stage.press("f2")
        await stage.until(lambda: bool(edited(engine)))


async def test_a_plan_that_somebody_else_decided_meanwhile_is_not_sent(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_dialog(stage)
        await stage.press("x")
        await engine.requests.decide("app-1", RequestStatus.APPROVED, "cem")
        engine.news()
        await stage.shows("Nothing was sent: already decided by cem")
        await confirm(stage)
        await stage.press("escape")
        await stage.on(ApprovalsScreen)
        assert not edited(engine)


async def test_what_the_engine_refuses_is_still_there_when_the_dialog_is_opened_again(
    console: OpenConsole,
) -> None:
    engine = engine_with()
    engine.failures["approve_edited"] = InvalidInput("the changed plan does not fit: step note: no text")
    async with console(engine) as stage:
        await to_dialog(stage)
        await stage.press("x")
        await confirm(stage)
        await stage.shows("does not fit")
        await stage.graced()
        await stage.press("e")
        await stage.on(PlanDialog)
        await stage.shows("taken out")


async def test_what_the_author_of_a_flow_wrote_cannot_be_changed(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), an_approval())
    async with console(engine) as stage:
        await to_plan(stage)
        await stage.press("e")
        await stage.shows("only a plan, or a call that a model chose")


async def test_a_plan_that_was_not_read_to_its_end_is_neither_approved_nor_changed(
    console: OpenConsole,
) -> None:
    engine = engine_with()
    async with console(engine, size=(80, 24)) as stage:
        await stage.press("2")
        await stage.shows("What exactly will happen")
        await stage.graced()
        await stage.press("a")
        await stage.shows("more line")
        await stage.graced()
        await stage.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, ApprovalsScreen))
        assert not engine.asked("approve")
