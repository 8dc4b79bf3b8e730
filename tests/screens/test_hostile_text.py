"""Text from outside, in every field of every screen: nothing reaches the terminal raw, nothing acts."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from engine.contracts.notes import SavedFilter
from engine.contracts.packs.pack import Problem
from engine.contracts.runs.listed import RunError, WaitingFor
from engine.contracts.runs.request import GatedAction
from engine.contracts.runs.run import FileText, RunFile
from engine.contracts.status import RequestStatus, Risk, RunStatus, StepStatus, WaitKind
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
from tests.fakes.views import a_flow, a_form, a_pack, a_run, a_step, ago, an_approval, an_event

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage

PAYLOADS = (
    "\x1b[2J\x1b[H\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]52;c;c3RvbGVu\x07",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x9b31mC1",
    "\x90dcs\x9c",
    "\x1bPdcs\x1b\\ \x1b_apc\x1b\\ \x9fapc\x9c \x1b^pm\x1b\\",
    "bell\x07back\x08\x08\x7f",
    "line\r\nfeed\rover",
    "nul\x00tab\tff\x0c",
    "abc\u202edef\u202c",
    "\u2066iso\u2069\u200b\u200d\ufeff",
    "[/]",
    "[@click=app.exit]click[/]",
    "[bold red]not bold[/bold red] [unclosed",
    "[/nothing] $error {0} %s [0] [/",
    "e" + "\u0301" * 60,
    "\U000e0041\U000e0042 \ufff9a\ufffbb",
    "広" * 50 + "👩‍👩‍👧‍👦",
    "x" * 1_000_000,
)
SHORT = PAYLOADS[:-1]
ALL = " ".join(SHORT)
_FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def assert_harmless(stage: Stage) -> None:
    """No control or hidden character in what is drawn, and no action in its style."""
    for strip in stage.app.screen._compositor.render_strips(stage.app.size):
        for segment in strip:
            bad = [hex(ord(sign)) for sign in segment.text if unicodedata.category(sign) in _FORBIDDEN]
            assert not bad, f"{bad} in {segment.text!r}"
            meta = segment.style.meta if segment.style is not None else {}
            assert "@click" not in meta
            assert segment.style is None or segment.style.link is None
    for notice in stage.app._notifications:
        assert not any(
            unicodedata.category(sign) in _FORBIDDEN - {"Cc"} or sign in "\x1b\x07\x9b"
            for sign in notice.message
        )


def hostile_engine() -> FakeEngine:
    error = RunError(code=ALL, message=ALL, step_id=ALL)
    engine = FakeEngine()
    common: dict[str, Any] = {
        "pack": ALL,
        "pack_version": ALL,
        "flow": ALL,
        "requested_by": ALL,
        "subject": ALL,
    }
    run = a_run(
        f"run{ALL}",
        RunStatus.FAILED,
        **common,
        current_step=ALL,
        waiting_for=WaitingFor(kind=WaitKind.CHILD, id=ALL),
        error=error,
        input={ALL: [ALL, {"deep": ALL}]},
        output=ALL,
        folder=ALL,
        created_at=ago(5),
        cancel_requested=ALL,
    )
    engine.add(run, *(a_run(f"{number}{text}", pack=text) for number, text in enumerate(PAYLOADS)))
    mine: dict[str, Any] = {**common, "run_id": run.run_id, "step_id": ALL, "title": ALL}
    action = GatedAction(step=ALL, kind=ALL, target=ALL, params={ALL: list(PAYLOADS)})
    engine.add(
        an_approval(
            f"1{ALL}",
            **mine,
            message=ALL,
            intent=ALL,
            action=action,
            risk=Risk.CRITICAL,
            requested_at=ago(900),
        ),
        *(an_approval(f"a{number}{text}", title=text, message=text) for number, text in enumerate(PAYLOADS)),
        an_approval(
            f"old{ALL}",
            **mine,
            message=ALL,
            status=RequestStatus.REJECTED,
            decision=ALL,
            decided_by=ALL,
            decided_at=ago(1),
            comment=ALL,
        ),
        *(
            an_approval(
                f"claimed{number}{text}",
                step_id="claimed",
                claimed_by=text,
                claimed_until=ago(-60),
                action=GatedAction(step=text, kind=text, target=text, params={text: {ALL: number}}),
            )
            for number, text in enumerate(PAYLOADS)
        ),
    )
    schema = {
        "type": "object",
        "required": [ALL],
        "properties": {
            ALL: {"type": "string", "title": ALL, "description": ALL, "default": ALL, "maxLength": 3},
            "pick": {"enum": list(PAYLOADS), "enumNames": list(PAYLOADS), "default": PAYLOADS[0]},
            "long": {"type": "string", "maxLength": 99_999, "default": "\n".join(SHORT), "format": ALL},
            "flag": {"type": "boolean", "title": ALL},
            "list": {"type": "array", "items": {"type": "string"}, "default": list(SHORT)},
            "any": {"default": {ALL: ALL}, "title": ALL},
            "picks": {"type": "array", "items": {"enum": list(PAYLOADS)}, "default": [PAYLOADS[1]]},
            "people": {
                "type": "array",
                "title": ALL,
                "items": {"type": "object", "properties": {ALL: {"type": "string", "examples": [ALL]}}},
                "default": [{ALL: ALL}],
            },
            "way": {
                "oneOf": [{"title": text, "properties": {text: {"const": ALL}}} for text in PAYLOADS],
                "default": {PAYLOADS[0]: ALL},
            },
            "group": {
                "type": "object",
                "title": ALL,
                "properties": {ALL: {"type": "number", "default": ALL}},
            },
        },
    }
    engine.add(
        a_form(f"1{ALL}", schema, **mine, form_id=ALL, prompt=ALL, description=ALL, requested_at=ago(900)),
        *(a_form(f"f{number}{text}", title=text, prompt=text) for number, text in enumerate(PAYLOADS)),
    )
    engine.stored_steps[run.run_id] = (
        a_step(ALL, StepStatus.FAILED, type=ALL, error=error, input={ALL: ALL}, output=ALL),
    )
    engine.stored_events[run.run_id] = tuple(
        an_event(number, text, run.run_id, step_id=text, actor=text, payload={text: text})
        for number, text in enumerate(PAYLOADS, 1)
    )
    engine.stored_files[run.run_id] = (
        RunFile(name=ALL, stored_name=ALL, role=ALL, content_type=ALL, size=1, sha256=ALL, path=ALL),
    )
    problem = Problem(file=ALL, field=ALL, message=ALL, found=ALL, expected=ALL)
    engine.stored_packs = (
        a_pack(a_flow(ALL, schema, pack=ALL, description=ALL, version=ALL), pack=ALL, version=ALL),
        a_pack(pack=f"b{ALL}", problems=(problem,)),
    )
    return engine


async def test_runs_and_their_detail_are_harmless(console: OpenConsole) -> None:
    engine = hostile_engine()
    async with console(engine) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count == len(PAYLOADS) + 1)
        assert_harmless(stage)
        await stage.press("G")
        assert await stage.paged("#runs").move_to(f"run{ALL}")
        await stage.settle()
        assert_harmless(stage)
        await stage.press("y", "x")
        await stage.on(CancelMenu)
        await stage.settle()
        assert_harmless(stage)
        await stage.press("escape")
        await stage.on(RunsScreen)
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
        await stage.press("p", "x")
        await stage.on(CancelMenu)
        await stage.press("j", "enter")
        await stage.until(lambda: "internal error" in stage.notices() and "policy_denied" in stage.notices())
        engine.failures["list"] = Unavailable(ErrorCode.JOURNAL_CORRUPT, ALL)
        engine.feed.publish(FeedBatch(lagged=True))
        await stage.shows("journal_corrupt")
        engine.feed.publish(Unavailable(ErrorCode.ENGINE_STOPPED, ALL))
        await stage.shows("offline")
        assert_harmless(stage)
