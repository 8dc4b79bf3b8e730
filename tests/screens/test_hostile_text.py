"""Text from outside, in every field of every screen: nothing reaches the terminal raw, nothing acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.notes import SavedFilter
from engine.contracts.runs.run import FileText
from engine.contracts.status import RequestStatus, RunStatus
from engine.errors import ErrorCode, Refused, Unavailable
from engine.facade.feed import FeedBatch
from screens.approvals.bulk_dialog import BulkDecisionDialog
from screens.approvals.dialogs import CommentDialog, TypedWordDialog
from screens.approvals.screen import ApprovalsScreen
from screens.compare.dialog import CompareDialog
from screens.compare.screen import CompareScreen
from screens.forms.list_screen import FormsScreen
from screens.forms.screen import FormScreen
from screens.frame.inputs import SafeInput
from screens.overlays.text_screen import TextScreen
from screens.run.screen import RunScreen
from screens.run.step_screen import StepScreen
from screens.run.timeline.table import TimelineTable
from screens.run_verbs.bulk import BulkDialog
from screens.run_verbs.cancel_menu import CancelMenu
from screens.runs.saved_filters import SavedFiltersDialog
from screens.runs.screen import RunsScreen
from screens.runs.start import StartFormScreen, StartScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_form, a_run
from tests.screens.hostile import ALL, PAYLOADS, assert_harmless, hostile_engine

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


async def test_runs_and_their_detail_are_harmless(console: OpenConsole) -> None:
    engine = hostile_engine()
    engine.add(a_run(f"on{ALL}", RunStatus.RUNNING, pack=ALL, flow=ALL, subject=ALL, requested_by=ALL))
    async with console(engine) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count == len(PAYLOADS) + 2)
        assert_harmless(stage)
        await stage.press("G")
        assert await stage.paged("#runs").move_to(f"on{ALL}")
        await stage.settle()
        await stage.press("x")
        await stage.on(CancelMenu)
        await stage.settle()
        assert_harmless(stage)
        await stage.press("escape")
        await stage.on(RunsScreen)
        assert await stage.paged("#runs").move_to(f"run{ALL}")
        await stage.settle()
        assert_harmless(stage)
        await stage.press("y", "x")
        await stage.settle()
        assert_harmless(stage)
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.until(lambda: stage.app.screen.query_one("#steps", TimelineTable).row_count)
        assert_harmless(stage)
        await stage.press("enter")
        await stage.on(StepScreen)
        await stage.settle()
        assert_harmless(stage)
        await stage.press("escape")
        for _pane in range(6):
            await stage.press("tab")
            await stage.settle()
            assert_harmless(stage)
        assert stage.app.is_running


async def test_files_texts_the_past_and_comparisons_are_harmless(console: OpenConsole) -> None:
    engine = hostile_engine()
    run_id = f"run{ALL}"
    engine.stored_texts[run_id, ALL] = FileText(
        run_id=run_id, stored_name=ALL, path=ALL, size=1, text="\n".join(PAYLOADS), truncated=True
    )
    async with console(engine) as stage:
        stage.app.open_run(run_id, pane="files")
        await stage.on(RunScreen)
        await stage.shows("Requests")
        await stage.until(lambda: stage.table("#file-list").row_count)
        await stage.press("enter")
        await stage.on(TextScreen)
        await stage.shows("hidden or control characters")
        assert_harmless(stage)
        await stage.press("w", "right", "y")
        await stage.settle()
        assert_harmless(stage)
        await stage.press("escape", "l", "m")
        await stage.shows("as of event")
        assert_harmless(stage)
        await stage.press("escape", "w")
        await stage.settle()
        assert_harmless(stage)
        await stage.press("d")
        await stage.on(CompareDialog)
        await stage.settle()
        assert_harmless(stage)
        stage.app.screen.dismiss(f"0{PAYLOADS[0]}")
        await stage.on(CompareScreen)
        await stage.shows("differ")
        assert_harmless(stage)


async def test_approvals_and_their_dialogs_are_harmless(console: OpenConsole) -> None:
    engine = hostile_engine()
    async with console(engine, size=(120, 60)) as stage:
        await stage.press("2")
        await stage.on(ApprovalsScreen)
        await stage.shows("hidden or control characters")
        assert_harmless(stage)
        await stage.press("enter", "G")
        await stage.graced()
        assert_harmless(stage)
        await stage.press("a")
        await stage.on(TypedWordDialog)
        await stage.settle()
        assert_harmless(stage)
        await stage.press("escape")
        await stage.on(ApprovalsScreen)
        await stage.graced()
        await stage.press("r")
        await stage.on(CommentDialog)
        await stage.settle()
        assert_harmless(stage)
        await engine.requests.decide(f"1{ALL}", RequestStatus.REJECTED, ALL, comment=ALL)
        await stage.shows("Nothing was sent")
        assert_harmless(stage)
        await stage.press("escape")
        await stage.on(ApprovalsScreen)
        await stage.press("escape")
        for _approval in PAYLOADS:
            await stage.press("j")
            assert_harmless(stage)
        assert not engine.asked("approve")


async def test_claims_and_several_approvals_at_once_are_harmless(console: OpenConsole) -> None:
    engine = hostile_engine()
    for view in list(engine.stored_approvals.values()):
        if view.action is not None:
            of_one_tool = view.action.model_copy(update={"step": ALL, "kind": ALL, "target": ALL})
            engine.add(view.model_copy(update={"action": of_one_tool}))
    async with console(engine, size=(120, 60)) as stage:
        await stage.press("2")
        await stage.on(ApprovalsScreen)
        await stage.shows("before on this step")
        await stage.press("G", "space", "k", "space")
        await stage.shows("is on it until")
        assert_harmless(stage)
        await stage.press("M")
        await stage.on(BulkDecisionDialog)
        await stage.shows("What differs")
        await stage.shows("hidden or control characters")
        assert_harmless(stage)
        for _page in range(20):
            await stage.press("ctrl+d")
            assert_harmless(stage)
        await engine.requests.decide(f"claimed{len(PAYLOADS) - 1}{PAYLOADS[-1]}", RequestStatus.REJECTED, ALL)
        await stage.settle()
        assert_harmless(stage)


async def test_forms_and_their_fields_are_harmless(console: OpenConsole) -> None:
    engine = hostile_engine()
    async with console(engine, size=(100, 90)) as stage:
        await stage.press("3")
        await stage.on(FormsScreen)
        await stage.until(lambda: stage.table("#forms").rows)
        assert_harmless(stage)
        await stage.press("enter")
        await stage.on(FormScreen)
        await stage.shows("hidden characters")
        assert_harmless(stage)
        await stage.press("f2")
        await stage.settle()
        assert_harmless(stage)
        await stage.press("tab", "enter")
        await stage.settle()
        assert_harmless(stage)
        await stage.press("escape")
        engine.requests.answer_as(f"1{ALL}", ALL)
        await stage.shows("already answered by")
        assert_harmless(stage)


async def test_a_form_with_a_megabyte_on_one_line(console: OpenConsole) -> None:
    engine = FakeEngine()
    text = {"type": "string", "maxLength": 9_999_999, "default": PAYLOADS[-1]}
    engine.add(a_run(), a_form("f1", {"type": "object", "properties": {"text": text}}))
    async with console(engine) as stage:
        await stage.press("3")
        await stage.until(lambda: stage.table("#forms").rows)
        await stage.press("enter")
        await stage.on(FormScreen)
        await stage.shows("xxxx")
        await stage.press("f2")
        await stage.shows("must have at most 100,000 characters")
        assert_harmless(stage)


async def test_the_start_dialog_is_harmless(console: OpenConsole) -> None:
    engine = hostile_engine()
    async with console(engine) as stage:
        await stage.press("c")
        await stage.on(StartScreen)
        await stage.until(lambda: len(stage.table("#flows").rows) == 2)
        assert_harmless(stage)
        await stage.press("j", "enter")
        await stage.settle()
        assert_harmless(stage)
        await stage.press("k", "enter")
        await stage.on(StartFormScreen)
        await stage.settle()
        assert_harmless(stage)
        await stage.press("f2")
        await stage.settle()
        assert_harmless(stage)


async def test_filters_and_marked_runs_are_harmless(console: OpenConsole) -> None:
    engine = hostile_engine()
    for number, payload in enumerate(PAYLOADS[:-1]):
        saved = SavedFilter(name=f"{number:02}{payload}"[:60], text=payload[:500])
        await engine.saved_filters.save("ben", saved)
    async with console(engine) as stage:
        await stage.until(lambda: stage.paged("#runs").visible_rows)
        await stage.press("space", "space", "space", "p")
        await stage.on(BulkDialog)
        await stage.settle()
        assert_harmless(stage)
        await stage.press("escape")
        stage.app.screen.query_one("#filter", SafeInput).value = f"status:{ALL.replace(' ', '')} x:{ALL}"
        await stage.shows("not applied: no status begins with")
        assert_harmless(stage)
        await stage.press("s")
        await stage.on(SavedFiltersDialog)
        await stage.until(lambda: len(stage.table("#saved").rows) == len(PAYLOADS) - 1)
        assert_harmless(stage)
        await stage.press("D")
        await stage.shows("Deleted 00")
        assert_harmless(stage)


async def test_errors_of_the_engine_and_of_its_feed_are_harmless(console: OpenConsole) -> None:
    engine = hostile_engine()
    engine.failures["pause"] = Refused(ErrorCode.POLICY_DENIED, ALL)
    engine.failures["cancel_mode"] = ValueError(ALL)
    async with console(engine) as stage:
        await stage.until(lambda: stage.paged("#runs").visible_rows)
        assert await stage.paged("#runs").move_to(f"0{PAYLOADS[0]}")
        await stage.press("p", "x")
        await stage.on(CancelMenu)
        await stage.press("j", "f2")
        await stage.until(lambda: "internal error" in stage.notices() and "policy_denied" in stage.notices())
        engine.failures["list"] = Unavailable(ErrorCode.JOURNAL_CORRUPT, ALL)
        engine.feed.publish(FeedBatch(lagged=True))
        await stage.shows("journal_corrupt")
        engine.feed.publish(Unavailable(ErrorCode.ENGINE_STOPPED, ALL))
        await stage.shows("offline")
        assert_harmless(stage)
