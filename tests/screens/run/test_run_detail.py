"""One run: every pane, every key, the past, what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.runs.listed import RunEnding
from engine.contracts.runs.timeline import Timeline
from engine.contracts.status import OutcomeDecision, RequestStatus, RunStatus
from engine.errors import ErrorCode, Unavailable
from screens.approvals.screen import ApprovalsScreen
from screens.forms.screen import FormScreen
from screens.outcomes.dialog import OutcomeDialog
from screens.outcomes.output_dialog import OutputDialog
from screens.overlays.text_screen import TextScreen
from screens.overlays.value_screen import ValueScreen
from screens.run.screen import RunScreen
from screens.run.step_screen import StepScreen
from screens.widgets.json.json_view import JsonView
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_form, a_run, a_step, ago, an_approval, an_event, an_outcome
from tests.screens.run.one_run import ERROR, an_engine, opened, rows, screen, timeline

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


def values(stage: Stage) -> JsonView:
    return stage.app.screen.query_one("#values", JsonView)


async def test_the_level_of_autonomy_stands_in_the_head_of_a_run_and_in_the_list(
    console: OpenConsole,
) -> None:
    async with console(an_engine(autonomy_level="full_auto"), size=(200, 32)) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count, "a run")
        await stage.until(lambda: "Autonomy" in stage.text() and "full_auto" in stage.text())
        await opened(stage)
        assert any("by ana" in line and "full_auto" in line for line in stage.text().splitlines())


async def test_the_timeline_shows_what_every_step_did_when(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_timelines["run-1"] = Timeline(run_id="run-1", start=ago(300), rows=rows(), cut=3)
    async with console(engine, size=(100, 32)) as stage:
        await opened(stage)
        await stage.until(lambda: timeline(stage).row_count == 5)
        text = stage.text()
        lines = {
            name: next(line for line in text.splitlines() if name in line)
            for name in ("greet", "ask", "fetch")
        }
        assert "█" in lines["greet"]
        assert "░" in lines["ask"]
        assert "✗" in lines["fetch"]
        assert "▒" in lines["fetch"]
        assert lines["fetch"].index("1/fetch") == lines["greet"].index("greet") + 2
        assert "│" in lines["greet"]
        assert "3 long runs below are not all here; Enter opens one" in text
        assert "░ waits" in text
        await stage.press("+", "+")
        await stage.until(lambda: timeline(stage).axis().seconds < 200)
        start = timeline(stage).axis().start
        await stage.press("right")
        assert timeline(stage).axis().start > start
        await stage.press("left")
        assert timeline(stage).axis().start == start
        await stage.press("_")
        assert timeline(stage).axis().seconds == 150
        await stage.press("=")
        assert timeline(stage).axis().start == 0
        await stage.press("t")
        await stage.shows("╷2m")
        await stage.press("j")
        await stage.shows("child run-2")


async def test_the_axis_follows_the_present_only_while_the_run_lasts(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_timelines["run-1"] = Timeline(run_id="run-1", start=ago(300), rows=rows())
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("+", "+", "+")
        assert not timeline(stage).axis().shows(300)
        await stage.press("F")
        assert timeline(stage).axis().shows(300)
        assert timeline(stage).cursor_row == 4  # the last row, as in log and output
        more = (*rows(), rows()[-1].model_copy(update={"step_id": "new", "path": "new"}))
        engine.stored_timelines["run-1"] = Timeline(run_id="run-1", start=ago(300), rows=more)
        engine.news()
        await stage.until(lambda: timeline(stage).cursor_row == 5, "the cursor on what began since")
        await stage.press("left")
        assert not timeline(stage).following
        engine.stored_timelines["run-1"] = Timeline(run_id="run-1", start=ago(300), end=ago(1), rows=rows())
        engine.news()
        await stage.until(lambda: "│ now" not in stage.plain("#legend"), "the end in the legend")
        await stage.press("F")
        await stage.until(lambda: "has ended" in stage.notices())


async def test_a_step_opens_as_a_folding_tree(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await opened(stage)
        await stage.shows("0.42s")
        await stage.press("G")
        await stage.shows("backend_error: cannot read the log")
        await stage.shows("try 3")
        await stage.press("enter")
        await stage.on(StepScreen)
        await stage.shows('"backend_error"')
        await stage.press("escape", "g", "enter")
        await stage.on(StepScreen)
        await stage.shows('"Hello\\nAna"')
        await stage.press("left")
        await stage.until(lambda: "who" not in stage.text())
        await stage.press("right")
        await stage.shows("who")
        await stage.press("right", "y")
        await stage.until(lambda: "Copied Ana" in stage.notices())
        await stage.press("Y")
        await stage.until(lambda: "Copied input.who" in stage.notices())
        await stage.press("left")
        assert values(stage).cursor_key == "input"
        await stage.press("space")
        await stage.shows("▸ input")
        await stage.press("G", "enter")
        await stage.on(TextScreen)
        await stage.shows("Ana")
        await stage.press("y")
        await stage.until(lambda: stage.app.clipboard == "Hello\nAna")


async def test_a_child_run_opens_from_the_step_that_started_it(console: OpenConsole) -> None:
    engine = an_engine().add(a_run("run-0", RunStatus.COMPLETED))
    engine.stored_steps["run-1"] = (a_step("child", type="subflow", child_run_id="run-0"),)
    async with console(engine) as stage:
        await opened(stage)
        await stage.until(lambda: timeline(stage).row_count)
        await stage.press("enter")
        await stage.until(lambda: screen(stage).current_run() == "run-0")


async def test_input_and_output_stay_as_they_were_unfolded(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await opened(stage, "data")
        await stage.shows("lines")
        await stage.press("j", "j")
        assert values(stage).cursor_key == "output"
        await stage.press("left")
        engine.add(a_run(output={"lines": 8}))
        engine.news()
        await stage.until(lambda: stage.text().count("{1 key}") == 2, "the new output")
        assert "lines" not in stage.text()
        assert values(stage).cursor_key == "output"
        await stage.press("y")
        await stage.until(lambda: stage.app.clipboard == '{\n  "lines": 8\n}')


async def test_requests_open_what_waits_and_show_what_was_decided(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await opened(stage, "requests")
        await stage.shows("has asked nobody")
        decided = an_approval(
            "app-0",
            status=RequestStatus.APPROVED,
            title="Decided before",
            decided_by="carol",
            requested_at=ago(200),
        )
        engine.add(decided, an_approval("app-1"), a_form())
        engine.news()
        await stage.shows("Decided before")
        await stage.press("y")
        await stage.until(lambda: stage.app.clipboard == "app-0")
        await stage.press("enter")
        await stage.on(ValueScreen)
        await stage.shows('"app-0"')
        await stage.press("G")
        await stage.shows('"carol"')
        await stage.press("escape", "j", "enter")
        await stage.on(ApprovalsScreen)
        await stage.press("1")
        await stage.on(RunScreen)
        await stage.press("j", "enter")
        await stage.on(FormScreen)


async def test_a_person_says_what_became_of_an_interrupted_call(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_outcomes["out-1"] = an_outcome()
    async with console(engine) as stage:
        await opened(stage, "requests")
        await stage.shows("What became of mail.send?")
        await stage.press("enter")
        await stage.on(OutcomeDialog)
        await stage.shows("its worker was lost")
        await stage.shows("that approval is used up")
        await stage.press("enter")  # the first row says nothing
        await stage.on(RunScreen)
        await stage.press("enter")
        await stage.on(OutcomeDialog)
        await stage.press("j", "j", "enter")
        await stage.on(OutputDialog)
        await stage.press("f2")
        await stage.until(lambda: engine.stored_outcomes["out-1"].decision is OutcomeDecision.DONE)


async def test_a_run_says_that_it_waits_with_an_interrupted_call_and_a_key_leads_there(
    console: OpenConsole,
) -> None:
    engine = FakeEngine()
    engine.add(a_run("run-1", RunStatus.PENDING_HUMAN))
    engine.stored_outcomes["out-1"] = an_outcome()
    async with console(engine) as stage:
        await opened(stage)
        await stage.shows("outcome: What became of mail.send? (i opens it)")
        await stage.press("i")
        await stage.on(ApprovalsScreen)
        await stage.until(lambda: stage.app.focused is stage.table("#outcomes"))


async def test_the_head_says_how_a_run_will_end_while_its_last_steps_run(console: OpenConsole) -> None:
    ending = RunEnding(outcome="failed", error=ERROR)
    async with console(an_engine(ending=ending), size=(80, 24)) as stage:
        await opened(stage)
        await stage.shows("● running")
        await stage.shows("ending: failed, backend_error at parse: cannot read the log")
        assert "cannot read the log · the steps of finally come first" in stage.plain("#run-head")


async def test_a_run_that_is_not_there_is_told(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        stage.app.open_run("run-9")
        await stage.on(RunScreen)
        await stage.shows("There is no run run-9.")
        await stage.press("escape")
        await opened(stage)
        engine.stored_runs.clear()
        engine.news()
        await stage.shows("It was there a moment ago")


async def test_an_engine_that_cannot_be_read_leaves_what_was_shown(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await opened(stage)
        await stage.shows("greet")
        engine.failures["timeline"] = Unavailable(ErrorCode.JOURNAL_LOCKED, "Busy.")
        engine.news()
        await stage.shows("journal_locked: Busy.")
        await stage.shows("greet")
        engine.failures.clear()
        engine.news()
        await stage.until(lambda: "journal_locked" not in stage.text())


async def test_a_run_without_steps_says_so(console: OpenConsole) -> None:
    async with console(FakeEngine().add(a_run())) as stage:
        await opened(stage)
        await stage.shows("No step has started yet.")


async def test_the_last_line_offers_what_can_be_done_to_the_run(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(status=RunStatus.PENDING_HUMAN), an_approval())
    engine.stored_events["run-1"] = (an_event(1, "run_created"), an_event(2, "step_started"))
    async with console(engine, size=(140, 40)) as stage:
        await opened(stage)
        await stage.until(lambda: "Its request" in stage.plain("#keys"))
        assert all(word in stage.plain("#keys") for word in ("Pause", "Cancel"))
        assert "Retry" not in stage.plain("#keys")
        await stage.press("l", "m")
        await stage.shows("read-only")
        await stage.until(lambda: "Cancel" not in stage.plain("#keys"))
        assert "Its request" not in stage.plain("#keys")
        await stage.press("escape")
        await stage.until(lambda: "Cancel" in stage.plain("#keys"))
        engine.stored_approvals.clear()
        engine.add(a_run(status=RunStatus.FAILED))
        engine.news()
        await stage.until(lambda: "Retry" in stage.plain("#keys"))
        assert not any(word in stage.plain("#keys") for word in ("Pause", "Cancel", "Its request"))
        engine.add(a_run(status=RunStatus.COMPLETED))
        engine.news()
        await stage.until(lambda: "Retry" not in stage.plain("#keys"))
        assert not any(word in stage.plain("#keys") for word in ("Pause", "Cancel", "Its request"))


async def test_requests_that_are_left_out_of_the_pane_are_told(console: OpenConsole) -> None:
    engine = an_engine().add(*(an_approval(f"appr-{number:03}", run_id="run-1") for number in range(200)))
    async with console(engine) as stage:
        await opened(stage)
        screen(stage).show_pane("requests")
        await stage.until(lambda: stage.table("#request-list").row_count >= 200)
        assert "Only the first 200" not in stage.text()
        engine.add(an_approval("appr-999", run_id="run-1"))
        engine.news("pending_human")
        await stage.shows("Only the first 200 of each kind are here: `vasini show run-1` has all")
