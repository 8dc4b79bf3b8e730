"""One run: every pane, every key, the past, what is not there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.listed import RunEnding, RunError
from engine.contracts.runs.run import EventMatches, FileText, OutputLine, RunDetail, RunFile
from engine.contracts.runs.timeline import SpanKind, Timeline, TimelineRow, TimelineSpan
from engine.contracts.status import OutcomeDecision, RequestStatus, RunStatus, StepStatus
from engine.errors import ErrorCode, Unavailable
from screens.approvals.screen import ApprovalsScreen
from screens.forms.screen import FormScreen
from screens.outcomes.dialog import OutcomeDialog
from screens.outcomes.output_dialog import OutputDialog
from screens.overlays.markdown_screen import MarkdownScreen
from screens.overlays.text_screen import TextScreen
from screens.overlays.value_screen import ValueScreen
from screens.run.log.pane import LogPane
from screens.run.screen import RunScreen
from screens.run.step_screen import StepScreen
from screens.run.timeline.table import TimelineTable
from screens.runs.screen import RunsScreen
from screens.widgets.json.json_view import JsonView
from screens.widgets.tables.paged_table import PagedTable
from tests.fakes.engine import FakeEngine
from tests.fakes.runs import FakeRuns
from tests.fakes.views import a_form, a_row, a_run, a_step, ago, an_approval, an_event, an_outcome

if TYPE_CHECKING:
    from engine.contracts.runs.run import EventFilter, EventView
    from tests.screens.conftest import OpenConsole, Stage

ERROR = RunError(code="backend_error", message="cannot read the log", step_id="parse")


def span(kind: SpanKind, start: float, end: float | None) -> TimelineSpan:
    """From so many seconds ago to so many seconds ago."""
    return TimelineSpan(kind=kind, start=ago(start), end=None if end is None else ago(end))


def rows() -> tuple[TimelineRow, ...]:
    """A run with a child run and a branch, that waits for a person."""
    greet = a_step("greet", started_at=ago(300), finished_at=ago(240))
    child = a_step("child", type="subflow", child_run_id="run-2", started_at=ago(240), finished_at=ago(180))
    inner = a_step("inner", started_at=ago(240), finished_at=ago(180))
    item = a_step("each/1/fetch", StepStatus.FAILED, started_at=ago(180), finished_at=ago(120))
    ask = a_step("ask", StepStatus.PENDING_HUMAN, started_at=ago(120), finished_at=None)
    tried = (
        span(SpanKind.FAILED, 180, 160),
        span(SpanKind.RETRYING, 160, 140),
        span(SpanKind.FAILED, 140, 120),
    )
    return (
        a_row(greet),
        a_row(child),
        a_row(inner, "run-2", depth=1),
        a_row(item, "run-1", *tried, depth=1),
        a_row(ask, "run-1", span(SpanKind.WAITING, 120, None)),
    )


def events(count: int = 5) -> tuple[EventView, ...]:
    kinds = ("run_started", "step_started", "step_completed", "step_failed", "pending_human")
    steps = (None, "greet", "greet", "parse", "ask")
    return tuple(
        an_event(
            number,
            kinds[(number - 1) % 5],
            step_id=steps[(number - 1) % 5],
            actor="ana" if number == 3 else "engine",
            payload={"number": number},
            ts=ago(300 - number),
        )
        for number in range(1, count + 1)
    )


def an_engine(**more: Any) -> FakeEngine:
    run = a_run(created_at=ago(300), output={"lines": 7, "rows": [{"a": 1}, {"a": 2}]}, **more)
    engine = FakeEngine().add(run)
    engine.stored_steps["run-1"] = (
        a_step("greet", input={"who": "Ana"}, output={"text": "Hello\nAna"}),
        a_step("parse", StepStatus.FAILED, attempt=3, error=ERROR),
    )
    engine.stored_events["run-1"] = events()
    return engine


def a_file(name: str = "out.txt", copy_of: str | None = None) -> RunFile:
    known: dict[str, Any] = {
        "role": "output",
        "content_type": "text/plain",
        "size": 1234,
        "sha256": "ab" * 32,
    }
    return RunFile(name=name, stored_name=name, path=f"/runs/run-1/{name}", copy_of=copy_of, **known)


async def opened(stage: Stage, pane: str = "") -> RunScreen:
    await stage.until(lambda: stage.paged("#runs").row_count, "a run")
    await stage.press("enter")
    await stage.on(RunScreen)
    await stage.until(lambda: "Loading" not in stage.text(), "the run")
    if pane:
        screen(stage).show_pane(pane)
        await stage.until(lambda: screen(stage).pane.id == pane)
    return screen(stage)


def screen(stage: Stage) -> RunScreen:
    assert isinstance(stage.app.screen, RunScreen)
    return stage.app.screen


def timeline(stage: Stage) -> TimelineTable:
    return stage.app.screen.query_one("#steps", TimelineTable)


def log(stage: Stage) -> PagedTable:
    return stage.app.screen.query_one("#events", PagedTable)


def values(stage: Stage) -> JsonView:
    return stage.app.screen.query_one("#values", JsonView)


def a_line(number: int, **more: Any) -> OutputLine:
    known: dict[str, Any] = {"step_id": "build", "attempt": 1, "stream": "out"}
    text = more.pop("text", f"line {number}")
    return OutputLine(ts=ago(300 - number), text=text, **{**known, **more})


async def test_the_output_grows_while_it_is_shown(console: OpenConsole) -> None:
    engine = an_engine(status=RunStatus.RUNNING)
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage, "output")
        await stage.until(lambda: "No output" in stage.text())
        engine.stored_output["run-1"] = [a_line(number) for number in range(1, 41)]
        await stage.until(lambda: "build │ line 40" in stage.text(), "the newest line")
        assert "line 1 " not in stage.text()
        engine.stored_output["run-1"].append(a_line(41, stream="err", step_id="test"))
        await stage.until(lambda: "test ! line 41" in stage.text(), "what came meanwhile")
        engine.stored_coming["run-1"] = [a_line(42), a_line(43, text="it is being wri")]
        await stage.until(lambda: "build │ it is being wri" in stage.text(), "a line that has not ended")
        engine.stored_output["run-1"] += [a_line(42), a_line(43, text="it is being written")]
        engine.stored_coming.clear()
        await stage.until(lambda: stage.text().count("it is being") == 1 and "written" in stage.text())
        await stage.press("F")
        await stage.until(lambda: "Not following" in stage.text())
        await stage.press("g")
        await stage.until(lambda: "line 1 " in stage.text(), "the first line")


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
        assert "3 more steps are not shown" in text
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


async def test_the_log_follows_the_newest_event(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("l")
        await stage.until(lambda: log(stage).cursor_key == "5")
        await stage.shows("5 events · follows the newest")
        engine.stored_events["run-1"] = events(6)
        engine.news()
        await stage.until(lambda: log(stage).cursor_key == "6")
        await stage.press("F")
        engine.stored_events["run-1"] = events(7)
        engine.news()
        await stage.shows("7 events")
        assert log(stage).cursor_key == "6"
        await stage.press("F")
        await stage.until(lambda: log(stage).cursor_key == "7")
        await stage.press("enter")
        await stage.on(ValueScreen)
        await stage.shows("event 7 · step_started")


async def test_times_and_whole_events_in_the_log(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await opened(stage)
        await stage.press("l")
        await stage.until(lambda: log(stage).cursor_key == "5")
        await stage.press("t")
        await stage.shows("+5.000s")
        await stage.press("w")
        await stage.shows("event 5 · pending_human · ask · engine")
        await stage.press("k")
        await stage.shows("event 4 · step_failed")
        await stage.press("w")
        await stage.until(lambda: "event 4" not in stage.text())


async def test_the_log_is_filtered_and_then_searched(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_events["run-1"] = events(40)
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("n")
        await stage.until(lambda: "Nothing to look for" in stage.notices())
        await stage.press("/")
        await stage.write("kind:failed")
        await stage.shows("8 found of 40 events")
        await stage.press("enter")
        assert [row.key for row in log(stage).visible_rows] == [str(4 + 5 * place) for place in range(8)]
        await stage.until(lambda: log(stage).cursor_key == "39")
        await stage.press("n", "n")
        await stage.until(lambda: log(stage).cursor_key == "9")
        await stage.press("escape")
        await stage.shows("n N look for kind:failed")
        await stage.until(lambda: log(stage).row_count == 40)
        assert log(stage).cursor_key == "9"
        await stage.press("n")
        await stage.until(lambda: log(stage).cursor_key == "14")
        await stage.press("N", "N")
        await stage.until(lambda: log(stage).cursor_key == "4")
        await stage.press("N")
        await stage.until(lambda: log(stage).cursor_key == "39")
        await stage.press("n")
        await stage.until(lambda: log(stage).cursor_key == "4")
        await stage.press("escape")
        await stage.on(RunsScreen)


async def test_a_filter_finds_what_comes_later_too(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("/")
        await stage.write("by:ana step:gre")
        await stage.shows("1 found of 5 events")
        engine.stored_events["run-1"] += (an_event(6, "late", step_id="greet", actor="ana"),)
        engine.news()
        await stage.shows("2 found of 6 events")
        await stage.press(*["backspace"] * 15)
        await stage.until(lambda: log(stage).row_count == 6)


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


async def test_files_show_their_text_and_give_their_path(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await opened(stage, "files")
        await stage.shows("has written none")
        engine.stored_files["run-1"] = (a_file(), a_file("cut.log"), a_file("image.png"))
        for name, more in (
            ("out.txt", {}),
            ("cut.log", {"truncated": True}),
            ("image.png", {"binary": True}),
        ):
            engine.stored_texts["run-1", name] = FileText(
                run_id="run-1",
                stored_name=name,
                path=f"/runs/run-1/{name}",
                size=1234,
                text=f"in {name}",
                **more,
            )
        engine.news()
        await stage.shows("1,234")
        await stage.press("y")
        await stage.until(lambda: stage.app.clipboard == "/runs/run-1/out.txt")
        await stage.press("enter")
        await stage.on(TextScreen)
        await stage.shows("in out.txt")
        await stage.press("escape", "j", "enter")
        await stage.shows("Only the beginning is shown; all 1,234 bytes")
        await stage.press("escape", "j", "enter")
        await stage.shows("holds no text")
        await stage.press("escape")
        engine.stored_texts.clear()
        await stage.press("enter")
        await stage.until(lambda: "not_found" in stage.notices())


async def test_files_are_shown_as_what_they_are(console: OpenConsole) -> None:
    engine = an_engine()
    texts = {
        "report.md": "# What happened\n\nSee [the log](https://example.org/x).\n\x1b]0;title\x07\n",
        "data.json": '{"count": 3}',
        "broken.json": '{"count": ',
    }
    engine.stored_files["run-1"] = tuple(a_file(name, copy_of=f"/srv/out/{name}") for name in texts)
    for name, text in texts.items():
        engine.stored_texts["run-1", name] = FileText(
            run_id="run-1", stored_name=name, path=f"/runs/{name}", size=len(text), text=text
        )
    async with console(engine, size=(100, 24)) as stage:
        await opened(stage, "files")
        await stage.shows("/srv/out/report.md")
        await stage.press("enter")
        await stage.on(MarkdownScreen)
        await stage.shows("What happened")
        assert "https://example.org" not in stage.text()
        assert "# What happened" not in stage.text()
        await stage.press("y")
        await stage.until(lambda: stage.app.clipboard == "/runs/report.md")
        await stage.press("u")
        await stage.on(TextScreen)
        await stage.shows("[the log](https://example.org/x)")
        await stage.press("escape", "escape", "j", "enter")
        await stage.on(ValueScreen)
        await stage.shows("count")
        await stage.press("escape", "j", "enter")
        await stage.on(TextScreen)
        await stage.shows('{"count": ')


async def test_long_text_is_wrapped_or_cut(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_files["run-1"] = (a_file(),)
    text = "\n".join(["x" * 150 + "END", *(f"line {number}" for number in range(200))])
    engine.stored_texts["run-1", "out.txt"] = FileText(
        run_id="run-1", stored_name="out.txt", path="p", size=9, text=text
    )
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage, "files")
        await stage.until(lambda: stage.table("#file-list").row_count)
        await stage.press("enter")
        await stage.shows("END")
        await stage.press("w")
        await stage.until(lambda: "END" not in stage.text())
        await stage.press(*["right"] * 10)
        await stage.shows("END")
        await stage.press(*["left"] * 10)
        await stage.until(lambda: "END" not in stage.text())
        await stage.press("G")
        await stage.shows("line 199")
        await stage.press("g", "ctrl+d", "ctrl+u", "j", "k")
        await stage.shows("xxx")


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


def a_past(engine: FakeEngine, number: int, status: RunStatus) -> None:
    run = a_run("run-1", status, created_at=ago(300), input={"name": "Ana"}, run_seq=number)
    step = a_step("greet", StepStatus.RUNNING, input={"who": "Ana"}, finished_at=None)
    engine.stored_pasts["run-1", number] = RunDetail(
        run=run, steps=(step,), approvals=(an_approval(),), forms=(), files=(a_file("early.txt"),)
    )


async def test_the_past_is_shown_whole_and_nothing_can_be_done_to_it(console: OpenConsole) -> None:
    engine = an_engine()
    a_past(engine, 2, RunStatus.QUEUED)
    a_past(engine, 3, RunStatus.RETRYING)
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("l")
        await stage.until(lambda: log(stage).cursor_key == "5")
        await stage.press("g", "j", "m")
        await stage.shows("as of event 2")
        await stage.shows("read-only")
        await stage.shows("○ queued")
        assert log(stage).selected == {"2"}
        for key in ("p", "x", ".", "i"):
            stage.app.clear_notifications()
            await stage.press(key)
            await stage.until(lambda: "This is the past" in stage.notices())
            assert isinstance(stage.app.screen, RunScreen)
        assert not engine.asked("pause")
        await stage.press("shift+tab")
        await stage.until(lambda: timeline(stage).row_count == 1)
        await stage.press("right")
        await stage.shows("as of event 3")
        await stage.shows("↻ retrying")
        await stage.press("enter")
        await stage.on(StepScreen)
        await stage.shows("as of event 3")
        assert "output" not in stage.text()
        await stage.press("escape", "tab", "tab", "tab", "tab")
        await stage.shows("early.txt")
        await stage.press("tab", "enter")
        await stage.on(ValueScreen)
        await stage.press("escape", "escape")
        await stage.until(lambda: "as of event" not in stage.text())
        await stage.shows("● running")
        await stage.press("escape")
        await stage.on(RunsScreen)


async def test_the_marker_of_a_step_is_its_first_event(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_events["run-1"] = (an_event(1, step_id="greet/0/a"), an_event(2), an_event(3))
    async with console(engine) as stage:
        await opened(stage)
        await stage.until(lambda: timeline(stage).row_count)
        await stage.press("m")
        await stage.shows("as of event 2")
        await stage.press("m")
        await stage.until(lambda: "as of event" not in stage.text())
        assert "As it was" in stage.plain("#keys")
        screen(stage).show_pane("files")
        await stage.until(lambda: "As it was" not in stage.plain("#keys"), "what does nothing is not offered")
        assert "Follow" not in stage.plain("#keys")
        await stage.press("m", "t", "w", "F")
        told = ("m looks back", "no times to change", "nothing to wrap", "Nothing to follow")
        await stage.until(lambda: all(words in stage.notices() for words in told))


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


async def test_a_long_log_reads_only_what_is_visible(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_events["run-1"] = events(20_000)
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("l")
        await stage.until(lambda: log(stage).cursor_key == "20000")
        await stage.press("g")
        await stage.until(lambda: log(stage).cursor_key == "1")
        await stage.press("/")
        await stage.write("kind:pending")
        await stage.shows("4,000 found of 20,000 events")
        await stage.press("escape")
        await stage.until(lambda: not screen(stage).query_one("#log", LogPane).leave())


class FakeStuckSearch(FakeRuns):
    """Looks for events and never comes back."""

    async def find_events(
        self, run_id: str, filters: EventFilter, *, after_run_seq: int = 0, limit: int = 10_000
    ) -> EventMatches:
        await asyncio.Event().wait()
        raise AssertionError("it never comes back")


async def test_a_search_that_lasts_is_stopped_by_esc(console: OpenConsole) -> None:
    engine = an_engine()
    engine.runs = FakeStuckSearch(engine)
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("/")
        await stage.write("x")
        await stage.shows("0 found of 5 events · looked at 0")
        await stage.press("enter", "escape")
        await stage.shows("n N look for x")
        await stage.press("n")
        await stage.shows("looking for x … Esc stops")
        await stage.press("escape")
        await stage.shows("n N look for x")
        assert isinstance(stage.app.screen, RunScreen)
        assert not {worker.group for worker in stage.app.workers if worker.is_running} & {"scan", "find"}


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_the_log_says_who_and_why_before_anything_else(
    console: OpenConsole, size: tuple[int, int]
) -> None:
    error = {"code": "timeout", "message": "no answer"}
    engine = an_engine()
    engine.stored_events["run-1"] = (
        an_event(1, "run_queued", step_id=None, actor="ana", payload={"subject": "srv-7", "pack": "hello"}),
        an_event(2, "tool_call_attempt_failed", payload={"error": error, "attempt": 1}),
        an_event(3, "tool_call_attempt_started", actor="timer", payload={"attempt": 2}),
        an_event(4, "approval_decided", actor="bo", payload={"decision": "REJECTED", "comment": "not\nnow"}),
        an_event(5, "step_completed", payload={"output": {"n": 1}}),
    )
    async with console(engine, size=size) as stage:
        await opened(stage, "log")
        for words in (
            "ana: srv-7",
            "timeout: no answer",
            "timer · ",
            "bo: rejected, not now",
            '{"output": {',
        ):
            await stage.shows(words)
        assert stage.text().index("Who and why") < stage.text().index("Step ")
        assert "tool_call_attempt_failed" in stage.text()
        assert ("09:25:53.589" in stage.text()) == (size[0] > 100)
        assert "09:25:53 " in stage.text() or size[0] > 100
