"""Runs, run detail and the start dialog, from the keyboard."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.request import FieldError
from engine.contracts.status import CancelMode, RequestStatus, RunStatus
from engine.errors import ErrorCode, InvalidInput, Unavailable
from screens.approvals.screen import ApprovalsScreen
from screens.forms.screen import FormScreen
from screens.overlays.leave_dialog import LeaveDialog
from screens.run.screen import RunScreen
from screens.run_verbs.cancel_menu import CancelMenu
from screens.runs.screen import RunsScreen
from screens.runs.start import StartFormScreen, StartScreen
from screens.widgets.status_labels import RUN_LABELS
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_flow, a_form, a_pack, a_run, ago, an_approval

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


def keys_of(stage: Stage) -> list[str]:
    return [row.key for row in stage.paged("#runs").visible_rows]


async def test_every_status_has_a_symbol_and_a_word(console: OpenConsole) -> None:
    engine = FakeEngine().add(*(a_run(f"run-{status}", status) for status in RunStatus))
    async with console(engine) as stage:
        for words in (
            "○ queued",
            "● running",
            "◆ pending human",
            "▣ pending input",
            "✗ failed",
            "× dead letter",
        ):
            await stage.shows(words)


async def test_ages_go_on_though_nothing_happens(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(created_at=ago(3)))
    async with console(engine) as stage:
        await stage.shows("3s")
        engine.clock += timedelta(seconds=8)
        await stage.shows("11s")


async def test_the_start_dialog_starts_a_run_and_shows_it(console: OpenConsole) -> None:
    engine = FakeEngine()
    async with console(engine) as stage:
        await stage.press("c")
        await stage.shows("hello/hello")
        await stage.press("enter")
        await stage.on(StartFormScreen)
        await stage.press("f2")
        await stage.shows("✗ is required")
        await stage.write("Ana")
        await stage.press("f2")
        await stage.on(RunsScreen)
        await stage.shows("○ queued")
        assert engine.asked("start") == [("hello", "hello", {"name": "Ana"}, "ben", "default")]
        assert len(stage.app.screen_stack) == 1


async def test_again_opens_the_start_form_filled_from_the_run(console: OpenConsole) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "mail": {"type": "string"}}}
    run = a_run(input={"name": "Ana", "mail": "[EMAIL]"})
    engine = FakeEngine(stored_packs=(a_pack(a_flow(schema=schema)),)).add(run)
    async with console(engine) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count)
        await stage.press("R")
        await stage.on(StartFormScreen)
        await stage.shows("again, as run run-1")
        await stage.shows("Not filled in, masked or not valid any more: mail")
        await stage.shows("Ana")
        await stage.press("f2")
        await stage.until(lambda: engine.asked("start"))
        assert engine.asked("start")[0][2] == {"name": "Ana"}


async def test_a_flow_without_fields_takes_json(console: OpenConsole) -> None:
    engine = FakeEngine(stored_packs=(a_pack(a_flow(schema={})),))
    async with console(engine) as stage:
        await stage.press("c")
        await stage.shows("hello/hello")
        await stage.press("enter")
        await stage.on(StartFormScreen)
        await stage.write('{"a": [1}')  # over the braces that are proposed
        await stage.press("f2")
        await stage.shows("✗ not JSON")
        await stage.press("end")
        await stage.press("left")
        await stage.write("]")
        await stage.press("f2")
        await stage.until(lambda: engine.asked("start"))
        assert engine.asked("start")[0][2] == {"a": [1]}


async def test_a_refused_start_keeps_the_form_and_names_the_field(console: OpenConsole) -> None:
    engine = FakeEngine()
    errors = [FieldError(field="name", message="is on the list of banned names").model_dump()]
    engine.failures["start"] = InvalidInput("The input has errors.", {"errors": errors})
    async with console(engine) as stage:
        await stage.press("c")
        await stage.shows("hello/hello")
        await stage.press("enter")
        await stage.on(StartFormScreen)
        await stage.write("Ana")
        await stage.press("f2")
        await stage.shows("✗ is on the list of banned names")
        await stage.press("escape")
        await stage.on(StartScreen)
        await stage.press("enter")
        await stage.on(StartFormScreen)
        await stage.shows("Ana")


async def test_the_list_follows_the_feed_and_the_cursor_stays_on_its_run(console: OpenConsole) -> None:
    engine = FakeEngine().add(*(a_run(f"run-{number:02}") for number in range(5)))
    async with console(engine) as stage:
        await stage.shows("run-04")
        await stage.press("j", "j")
        assert stage.paged("#runs").cursor_key == "run-02"
        engine.add(a_run("run-99", RunStatus.FAILED, finished_at=ago(9)))
        engine.news("run_created", "run-99")
        await stage.until(lambda: keys_of(stage)[0] == "run-99")
        assert stage.paged("#runs").cursor_key == "run-02"
        await stage.shows("✗ 1 failed")


async def test_the_filter_narrows_while_typing(console: OpenConsole) -> None:
    engine = FakeEngine().add(
        a_run("run-1", RunStatus.FAILED), a_run("run-2", pack="log-triage", flow="incident"), a_run("run-3")
    )
    async with console(engine) as stage:
        await stage.until(lambda: len(keys_of(stage)) == 3)
        await stage.press("/")
        await stage.write("incid")
        await stage.until(lambda: keys_of(stage) == ["run-2"])
        await stage.press("escape")
        await stage.until(lambda: len(keys_of(stage)) == 3)
        await stage.press("/")
        await stage.write("status:fail")
        await stage.until(lambda: keys_of(stage) == ["run-1"])
        await stage.write("x")
        await stage.shows("not applied: no status begins with failx")
        await stage.until(lambda: len(keys_of(stage)) == 3)
        await stage.write(" nowhere")
        await stage.shows("No run matches the filter")


async def test_a_view_that_opens_reads_once_and_again_when_it_comes_back(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), an_approval())
    async with console(engine) as stage:
        await stage.still()
        assert len(engine.asked("list")) == 1
        await stage.press("2")
        await stage.still()
        assert len(engine.asked("approvals")) == 1
        await stage.press("1")
        await stage.still()
        assert len(engine.asked("list")) == 2


async def test_matches_are_walked_around_the_end(console: OpenConsole) -> None:
    engine = FakeEngine().add(*(a_run(f"run-{number}") for number in range(3)))
    async with console(engine) as stage:
        await stage.until(lambda: len(keys_of(stage)) == 3)
        await stage.press("/")
        await stage.write("hello")
        await stage.press("enter")
        await stage.still()
        await stage.press("n", "n", "n", "N")
        assert stage.paged("#runs").cursor_key == "run-0"


async def test_the_sort_order_turns(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run("run-1"), a_run("run-2"))
    async with console(engine) as stage:
        await stage.until(lambda: keys_of(stage) == ["run-2", "run-1"])
        await stage.press("S")
        await stage.until(lambda: keys_of(stage) == ["run-1", "run-2"])
        await stage.shows("Age ▲")


async def test_one_key_pauses_a_run_and_resumes_it(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    async with console(engine) as stage:
        await stage.shows("● running")
        await stage.press("p")
        await stage.shows("‖ paused")
        await stage.press("p")
        await stage.shows("● running")
        assert engine.asked("pause") == engine.asked("resume") == [("run-1", "ben")]


@pytest.mark.parametrize(
    ("keys", "modes"),
    [
        (("enter",), []),
        (("j", "f2"), [CancelMode.BOUNDARY]),
        (("G", "f2"), [CancelMode.NOW]),
        (("end", "f2"), [CancelMode.NOW]),
        (("end", "home", "enter"), []),
        (("f2",), []),
        (("escape",), []),
    ],
)
async def test_the_cancel_menu_cancels_as_was_chosen_or_not_at_all(
    console: OpenConsole, keys: tuple[str, ...], modes: list[CancelMode]
) -> None:
    engine = FakeEngine().add(a_run())
    async with console(engine) as stage:
        await stage.shows("● running")
        await stage.press("x")
        await stage.on(CancelMenu)
        await stage.press(*keys)
        await stage.on(RunsScreen)
        await stage.until(lambda: engine.asked("cancel_mode") == modes)


ENDED = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.DEAD_LETTER)


@pytest.mark.parametrize("opened", [False, True], ids=["in the list", "in its screen"])
@pytest.mark.parametrize("status", ENDED)
async def test_a_run_that_has_ended_is_not_cancelled_and_nobody_is_asked(
    console: OpenConsole, status: RunStatus, *, opened: bool
) -> None:
    engine = FakeEngine().add(a_run(status=status))
    async with console(engine) as stage:
        word = RUN_LABELS[status].word
        await stage.shows(word)
        if opened:
            await stage.press("enter")
            await stage.on(RunScreen)
            await stage.shows(word)
        await stage.press("x")
        await stage.until(lambda: f"run-1 is {word}: there is nothing to cancel" in stage.notices())
        await stage.on(RunScreen if opened else RunsScreen)


@pytest.mark.parametrize(
    ("key", "status", "words"),
    [
        ("x", RunStatus.COMPLETED, "Cancel changes none of 2 marked runs: ✓ 2 completed"),
        ("p", RunStatus.FAILED, "Pause changes none of 2 marked runs: ✗ 2 failed"),
        (".", RunStatus.RUNNING, "Retry changes none of 2 marked runs: ● 2 running"),
    ],
)
async def test_a_verb_that_changes_no_marked_run_says_so_and_nobody_is_asked(
    console: OpenConsole, key: str, status: RunStatus, words: str
) -> None:
    engine = FakeEngine().add(a_run("run-1", status), a_run("run-2", status))
    async with console(engine) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count == 2)
        await stage.press("space", "space", key)
        await stage.until(lambda: words in stage.notices())
        await stage.on(RunsScreen)


@pytest.mark.parametrize("keys", [("j",), ("G",)])
async def test_enter_cancels_no_run_and_says_what_does(console: OpenConsole, keys: tuple[str, ...]) -> None:
    engine = FakeEngine().add(a_run())
    async with console(engine) as stage:
        await stage.shows("● running")
        await stage.press("x")
        await stage.on(CancelMenu)
        await stage.press(*keys, "enter", "enter")
        await stage.shows("Enter never decides: F2 does it, Esc closes")
        await stage.on(CancelMenu)
        assert not engine.asked("cancel_mode")


async def test_a_retry_that_is_refused_says_why(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    async with console(engine) as stage:
        await stage.shows("● running")
        await stage.press(".")
        await stage.until(lambda: "invalid_transition: run run-1 is RUNNING" in stage.notices())


async def test_a_run_leads_to_its_approval_or_form(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), an_approval())
    async with console(engine) as stage:
        await stage.shows("● running")
        await stage.press("i")
        await stage.on(ApprovalsScreen)
        await stage.shows("Write the greeting")
        await stage.press("-")
        await stage.on(RunsScreen)
        engine.stored_approvals.clear()
        engine.add(a_form())
        await stage.press("i")
        await stage.on(FormScreen)


async def test_the_oldest_request_is_one_key_away(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), an_approval(requested_at=ago(10)), a_form(requested_at=ago(20)))
    async with console(engine) as stage:
        await stage.press("!")
        await stage.on(FormScreen)
        engine.requests.answer_as("form-1", "carol")
        await stage.press("escape", "!")
        await stage.on(ApprovalsScreen)
        engine.stored_approvals["app-1"] = an_approval(status=RequestStatus.VOID)
        await stage.press("1", "!")
        await stage.until(lambda: "Nothing waits for a person" in stage.notices())


async def test_an_engine_that_cannot_read_is_told_on_the_screen_and_forgotten_later(
    console: OpenConsole,
) -> None:
    engine = FakeEngine().add(a_run())
    engine.failures["list"] = Unavailable(ErrorCode.JOURNAL_LOCKED, "Another process holds the journal.")
    async with console(engine) as stage:
        await stage.shows("journal_locked: Another process holds the journal.")
        engine.failures.clear()
        engine.news()
        await stage.shows("● running")
        await stage.until(lambda: "journal_locked" not in stage.text())


async def test_a_defect_in_the_engine_never_shows_a_trace(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    engine.failures["pause"] = ZeroDivisionError("division by zero")
    async with console(engine) as stage:
        await stage.shows("● running")
        await stage.press("p")
        await stage.until(lambda: "internal error: ZeroDivisionError" in stage.notices())
        assert "Traceback" not in stage.text()


async def test_leaving_asks_first(console: OpenConsole) -> None:
    async with console() as stage:
        await stage.press("q")
        await stage.on(LeaveDialog)
        assert "Runs are kept" in stage.text()
        await stage.press("escape")
        await stage.on(RunsScreen)
        await stage.press("q")
        await stage.on(LeaveDialog)
        await stage.press("q")
        await stage.until(lambda: stage.app.return_value == 0)


async def test_other_tenants_are_not_shown(console: OpenConsole) -> None:
    engine = FakeEngine().add(
        a_run("run-1", tenant="other"), an_approval(tenant="other"), a_form(tenant="other")
    )
    async with console(engine) as stage:
        await stage.shows("No runs yet")
        await stage.press("2")
        await stage.shows("No approval waits")
        await stage.press("3")
        await stage.shows("No form waits")


async def test_the_number_of_the_view_one_is_in_goes_back_to_its_list(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run("run-1", RunStatus.COMPLETED))
    async with console(engine) as stage:
        await stage.shows("completed")
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.press("1")
        await stage.on(RunsScreen)
