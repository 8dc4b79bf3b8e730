"""Handing a run off from the keyboard: the targets, the form, the runs that took over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.run import RunDetail
from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, Refused
from engine.facade.feed import FeedBatch
from screens.forms.known_values import known_values
from screens.frame.inputs import SafeInput
from screens.handoff.dialogs import HandoffDialog, RelatedDialog
from screens.handoff.form import HandoffFormScreen
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_flow, a_handoff, a_run, an_event, an_event_head
from tests.screens.hostile import ALL, assert_harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.screens.conftest import OpenConsole, Stage

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "service": {"type": "string", "title": "Service", "minLength": 1},
        "log": {"type": "string", "title": "Log"},
    },
    "required": ["service", "log"],
    "additionalProperties": False,
}
INCIDENT = a_flow("incident", SCHEMA, pack="on-call", description="Works an incident through")


def an_engine(**more: Any) -> FakeEngine:
    engine = FakeEngine().add(
        a_run("run-1", RunStatus.COMPLETED, pack="log-triage", input={"log": "/a.log", "out": "x"}, **more)
    )
    gone = a_handoff(target="gone", conditions=("Never",), reason="there is no pack gone here")
    engine.stored_handoffs["run-1"] = (a_handoff(INCIDENT), gone)
    return engine


async def at_form(stage: Stage) -> None:
    await stage.press("h")
    await stage.on(HandoffDialog)
    await stage.shows("on-call/incident")
    await stage.press("enter")
    await stage.on(HandoffFormScreen)
    await stage.shows("Service")


async def at_run(stage: Stage, run_id: str = "run-1") -> None:
    stage.app.open_run(run_id)
    await stage.on(RunScreen)
    await stage.shows(f"run {run_id}")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_run_is_handed_off_and_the_new_one_opens(console: OpenConsole, size: tuple[int, int]) -> None:
    engine = an_engine()
    async with console(engine, size=size) as stage:
        await at_run(stage)
        await stage.press("h")
        await stage.on(HandoffDialog)
        for words in ("summary", "The incident is still going on", "Works an incident through", "✗ gone"):
            await stage.shows(words)
        await stage.press("enter")
        await stage.on(HandoffFormScreen)
        for words in (
            "From run run-1 of log-triage/hello, completed.",
            "The new run is told (summary)",
            "/a.log",
            "F2 hands off",
        ):
            await stage.shows(words)
        await stage.press("enter", "f2")
        await stage.until(lambda: "some fields need a look" in stage.notices())
        assert not engine.asked("hand_off")
        await stage.write("shop")
        await stage.press("shift+tab")
        await stage.write("it burns")
        await stage.press("f2")
        await stage.shows("handed off from run-1 (H opens)")
        given = ("run-1", "on-call", "incident", {"service": "shop", "log": "/a.log"}, "it burns", "ben")
        assert engine.asked("hand_off") == [given]
        await stage.press("escape")
        await stage.shows("handed off to run-2 (H opens)")
        await stage.press("H")
        await stage.shows("handed off from run-1")


async def test_enter_and_escape_start_nothing_and_the_draft_comes_back(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await at_run(stage)
        await at_form(stage)
        await stage.write("shop")
        await stage.press("shift+tab")
        await stage.write("half a note")
        await stage.press("enter", "escape")
        await stage.on(RunScreen)
        await at_form(stage)
        await stage.shows("restored")
        await stage.until(lambda: stage.app.screen.query_one("#note", SafeInput).value == "half a note")
        await stage.shows("shop")
        await stage.press("f2")
        await stage.until(lambda: engine.asked("hand_off"))
        assert engine.asked("hand_off")[0][4] == "half a note"
        assert not engine.drafts.stored


async def test_a_target_that_cannot_take_over_says_why(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await at_run(stage)
        await stage.press("h")
        await stage.on(HandoffDialog)
        await stage.press("j")
        await stage.shows("✗ Not now: there is no pack gone here")
        await stage.press("enter")
        await stage.on(HandoffDialog)
        await stage.press("escape")
        await stage.on(RunScreen)


async def test_what_the_engine_refuses_keeps_the_form(console: OpenConsole) -> None:
    engine = an_engine()
    engine.failures["hand_off"] = Refused(ErrorCode.PACK_UNTRUSTED, "nobody has trusted it")
    async with console(engine) as stage:
        await at_run(stage)
        await at_form(stage)
        await stage.write("shop")
        await stage.press("f2")
        await stage.until(lambda: "pack_untrusted: nobody has trusted it" in stage.notices())
        await stage.on(HandoffFormScreen)


async def test_the_key_says_when_there_is_nothing_to_hand_off_to(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_handoffs.clear()
    async with console(engine) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count)
        await stage.press("h")
        await stage.until(lambda: "log-triage declares no handoffs" in stage.notices())
        await stage.press("H")
        await stage.until(lambda: "was not handed off" in stage.notices())
        await stage.on(RunsScreen)


async def test_several_related_runs_are_listed_and_one_is_opened(console: OpenConsole) -> None:
    engine = an_engine(handed_off_from="run-0").add(
        a_run("run-0", flow="first"),
        a_run("run-2", handed_off_from="run-1", flow="second"),
        a_run("run-3", handed_off_from="run-1"),
    )
    async with console(engine, size=(80, 24)) as stage:
        await at_run(stage)
        await stage.shows("handed off from run-0 · handed off to run-3 and 1 more (H opens)")
        await stage.press("H")
        await stage.on(RelatedDialog)
        await stage.shows("hello/first")
        assert [row.key for row in stage.table("#related").rows] == ["run-0", "run-3", "run-2"]
        await stage.press("j", "j", "enter")
        await stage.shows("run run-2")


async def test_a_run_that_a_colleague_hands_off_says_so_at_once(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await at_run(stage)
        engine.add(a_run("run-2", handed_off_from="run-1"))
        queued = an_event_head(1, "run_queued", "run-2", handed_off_from="run-1")
        engine.feed.publish(FeedBatch(events=(queued,)))
        await stage.shows("handed off to run-2")


async def test_the_past_is_not_handed_off(console: OpenConsole) -> None:
    engine = an_engine().add(a_run("run-2", handed_off_from="run-1"))
    engine.stored_events["run-1"] = (an_event(1), an_event(2))
    run = engine.stored_runs["run-1"]
    engine.stored_pasts["run-1", 1] = RunDetail(run=run, steps=(), approvals=(), forms=())
    async with console(engine) as stage:
        stage.app.open_run("run-1", pane="log")
        await stage.shows("handed off to run-2")
        await stage.press("g", "m")
        await stage.shows("read-only")
        await stage.until(lambda: "handed off to" not in stage.text())
        await stage.press("h")
        await stage.until(lambda: "This is the past" in stage.notices())


async def test_hostile_text_is_harmless(console: OpenConsole) -> None:
    schema = {"type": "object", "properties": {"log": {"type": "string", "title": ALL}}}
    flow = a_flow(ALL, schema, pack=ALL, description=ALL, version=ALL)
    engine = FakeEngine().add(
        a_run("run-1", pack=ALL, flow=ALL, input={"log": ALL}, handed_off_from=f"run{ALL}"),
        a_run(f"run{ALL}", pack=ALL, flow=ALL),
        a_run("run-3", pack=ALL, handed_off_from="run-1"),
    )
    engine.stored_handoffs["run-1"] = (
        a_handoff(flow, target=ALL, conditions=(ALL, ALL)),
        a_handoff(target=f"x{ALL}", conditions=(ALL,), reason=ALL),
    )
    async with console(engine, size=(80, 24)) as stage:
        stage.app.open_run("run-1")
        await stage.on(RunScreen)
        await stage.shows("Timeline")
        assert_harmless(stage)
        await stage.press("H")
        await stage.on(RelatedDialog)
        await stage.settle()
        assert_harmless(stage)
        await stage.press("escape", "h")
        await stage.on(HandoffDialog)
        await stage.settle()
        assert_harmless(stage)
        await stage.press("j")
        await stage.settle()
        assert_harmless(stage)
        await stage.press("k", "enter")
        await stage.on(HandoffFormScreen)
        await stage.shows("The new run is told")
        assert_harmless(stage)


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ({"service": "shop", "log": "/a", "more": 1}, {"service": "shop", "log": "/a"}),
        ({"service": 7, "log": "/a"}, {"log": "/a"}),
        ({"service": "call [PHONE]", "log": "/a"}, {"log": "/a"}),
        (None, {}),
        ([1], {}),
    ],
)
async def test_only_values_that_fit_and_hide_nothing_are_taken_over(
    given: Any, known: dict[str, Sequence[str]]
) -> None:
    assert await known_values(FakeEngine(), SCHEMA, given) == known
    assert await known_values(FakeEngine(), {"type": "string"}, given) == {}
