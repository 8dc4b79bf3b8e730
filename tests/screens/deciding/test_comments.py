"""The words of a rejection are kept until they are sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.contracts.status import RequestStatus
from engine.errors import ErrorCode, Unavailable
from screens.approvals.bulk_dialog import BulkDecisionDialog
from screens.approvals.dialogs import CommentDialog
from screens.approvals.screen import ApprovalsScreen
from screens.frame.inputs import SafeTextArea
from tests.screens.deciding.decision_card import engine_with, to_card
from tests.screens.deciding.test_claims_and_bulk import ask_for_all, choose, three

if TYPE_CHECKING:
    from pathlib import Path

    from tests.screens.conftest import OpenConsole, Stage

REJECT = 1


@dataclass
class FakeEditor:
    """The operator's editor; it writes this."""

    writes: str
    given: list[str] = field(default_factory=list)

    async def edit(self, text: str) -> str:
        self.given.append(text)
        return self.writes

    async def open(self, path: Path) -> None:
        raise AssertionError(f"no file is opened: {path}")


async def ask(stage: Stage) -> SafeTextArea:
    await stage.graced()
    await stage.press("r")
    await stage.on(CommentDialog)
    await stage.until(lambda: stage.app.screen.query("#comment"))
    return stage.app.screen.query_one("#comment", SafeTextArea)


async def test_a_comment_that_was_left_is_there_again(console: OpenConsole) -> None:
    async with console(engine_with()) as stage:
        await to_card(stage)
        await ask(stage)
        await stage.write("not today")
        await stage.press("escape")
        await stage.on(ApprovalsScreen)
        field = await ask(stage)
        await stage.until(lambda: field.text == "not today")


async def test_a_comment_that_was_refused_is_kept_and_one_that_was_sent_is_not(console: OpenConsole) -> None:
    engine = engine_with()
    engine.failures["reject"] = Unavailable(ErrorCode.DISK_FULL, "The disk is full.")
    async with console(engine) as stage:
        await to_card(stage)
        await ask(stage)
        await stage.write("no")
        await stage.press("f2")
        await stage.until(lambda: "disk_full" in stage.notices())
        del engine.failures["reject"]
        field = await ask(stage)
        await stage.until(lambda: field.text == "no")
        await stage.press("f2")
        await stage.until(lambda: engine.asked("reject")[1:] == [("app-1", "ben", "digest-of-app-1", "no")])
        await stage.until(lambda: not engine.drafts.stored)


async def test_a_comment_is_written_in_the_editor(console: OpenConsole) -> None:
    async with console(engine_with()) as stage:
        await to_card(stage)
        editor = FakeEditor("a long\nreason")
        stage.app.state.editor = editor
        field = await ask(stage)
        await stage.write("short")
        await stage.press("ctrl+g")
        await stage.until(lambda: field.text == "a long\nreason")
        assert editor.given == ["short"]


async def test_the_comment_on_several_is_there_again_when_one_was_decided_meanwhile(
    console: OpenConsole,
) -> None:
    engine = three()
    async with console(engine) as stage:
        await ask_for_all(stage)
        await choose(stage, REJECT)
        field = stage.app.screen.query_one("#comment", SafeTextArea)
        field.focus()
        await stage.write("the mirror is frozen")
        await engine.requests.decide("app-1", RequestStatus.APPROVED, "carol")
        await stage.shows("Nothing was sent")
        await stage.press("escape")
        await stage.on(ApprovalsScreen)
        await stage.press("M")
        await stage.on(BulkDecisionDialog)
        await stage.graced()
        await choose(stage, REJECT)
        await stage.shows("the mirror is frozen")
        stage.app.screen.query_one("#count").focus()
        await stage.write("2")
        await stage.press("f2")
        await stage.until(lambda: len(engine.asked("reject")) == 2)
        assert {given[-1] for given in engine.asked("reject")} == {"the mirror is frozen"}
