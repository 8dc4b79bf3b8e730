"""Where something is decided a notice covers nothing of it: the card, every dialog, forms and code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets._toast import Toast

from engine.contracts.runs.request import GatedAction
from engine.contracts.status import Risk
from screens.approvals.bulk_dialog import BulkDecisionDialog
from screens.approvals.dialogs import CommentDialog, TypedWordDialog
from screens.forms.screen import FormScreen
from screens.frame.console import show_notice
from screens.frame.screen import Dialog
from screens.overlays.leave_dialog import LeaveDialog
from screens.packs.screen import PackScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.packs import a_review
from tests.fakes.views import a_form, a_pack, a_run, an_approval
from tests.screens.deciding.decision_card import to_card, to_decidable_card

if TYPE_CHECKING:
    from textual.screen import Screen

    from tests.screens.conftest import OpenConsole, Stage

SIZES = [(60, 20), (80, 24), (120, 40)]
WORDS = "Of 2: 1 approved, 1 already rejected by carol, who came first. " * 4


def an_engine(risk: Risk = Risk.LOW) -> FakeEngine:
    lines = "\n".join(f"line {n}" for n in range(80))
    long = GatedAction(step="write", kind="files.write", target="hello.txt", params={"text": lines})
    engine = FakeEngine(stored_packs=(a_pack(has_code=True, trusted=False),)).add(a_run(), a_run("run-2"))
    for number in (1, 2):
        engine.add(an_approval(f"app-{number}", run_id=f"run-{number}", action=long, risk=risk))
    engine.packs.reviews["hello"] = a_review()
    return engine.add(a_run("run-3"), a_form(run_id="run-3"))


async def covered(stage: Stage, *kept: str) -> None:
    """Raise more notices than there is room for; fail when one lies over what was asked to be `kept`."""
    for number in range(6):
        show_notice(stage.app.screen, f"{number} {WORDS}", tone="warning")
    await stage.until(lambda: len(stage.app.screen.query(Toast)) == 6, "the notices")
    await stage.still()
    shown = stage.app.screen
    regions = [shown.find_widget(toast).visible_region for toast in shown.query(Toast)]
    notices = [region for region in regions if region.area]
    assert notices
    assert regions[-1] in notices, "the newest is seen"
    found = {widget for name in kept for widget in shown.query(name) if widget.region}
    for widget in found:
        place = shown.find_widget(widget).visible_region
        assert not any(region.overlaps(place) for region in notices), (widget, place, notices)
    assert found
    assert "already rejected by carol" in stage.text()


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_card_is_not_covered(console: OpenConsole, size: tuple[int, int]) -> None:
    async with console(an_engine(), size=size) as stage:
        await to_card(stage)
        await covered(stage, "#card", "#approvals", "#hint", "#keys")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    ("risk", "keys", "kind"),
    [
        (Risk.CRITICAL, ("a",), TypedWordDialog),
        (Risk.LOW, ("r",), CommentDialog),
        (Risk.LOW, ("space", "j", "space", "M"), BulkDecisionDialog),
        (Risk.LOW, ("q",), LeaveDialog),
    ],
)
async def test_no_dialog_is_covered(
    console: OpenConsole, size: tuple[int, int], risk: Risk, keys: tuple[str, ...], kind: type[Screen[object]]
) -> None:
    async with console(an_engine(risk), size=size) as stage:
        await to_decidable_card(stage)
        await stage.press("enter", "G", "escape")
        await stage.graced()
        await stage.press(*keys)
        await stage.on(kind)
        assert isinstance(stage.app.screen, Dialog)
        await covered(stage, ".dialog", ".dialog *")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_form_is_not_covered(console: OpenConsole, size: tuple[int, int]) -> None:
    async with console(an_engine(), size=size) as stage:
        await stage.press("3", "enter")
        await stage.on(FormScreen)
        await covered(stage, "FormView", "#form-state", "#keys")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_code_that_is_trusted_is_not_covered(console: OpenConsole, size: tuple[int, int]) -> None:
    async with console(an_engine(), size=size) as stage:
        await stage.press("5", "enter")
        await stage.on(PackScreen)
        await stage.press("C")
        await stage.shows("def go()")
        await covered(stage, "#code", "#about", "#keys")
