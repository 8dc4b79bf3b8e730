"""A terminal that is made too small and larger again: nothing is done in between, and nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Input, TextArea

from engine.contracts.status import Risk, RunStatus
from screens.approvals.bulk_dialog import BulkDecisionDialog
from screens.approvals.dialogs import CommentDialog, TypedWordDialog
from screens.approvals.plan_dialog import ParamsDialog, PlanDialog
from screens.forms.screen import FormScreen
from screens.overlays.palette import PaletteScreen
from screens.packs.dialogs import PublishDialog
from screens.packs.screen import PackScreen
from screens.run.screen import RunScreen
from screens.run_verbs.bulk import BulkDialog
from screens.run_verbs.cancel_menu import CancelMenu
from screens.run_verbs.flagging import FlagDialog
from screens.runs.saved_filters import SavedFiltersDialog
from screens.runs.start import StartFormScreen
from screens.slo.cap import CapDialog
from screens.slo.exclude import ExcludeDialog
from tests.fakes.engine import FakeEngine
from tests.fakes.levels import a_level
from tests.fakes.views import a_form, a_plan, a_run, ago

if TYPE_CHECKING:
    from textual.screen import Screen

    from tests.screens.conftest import OpenConsole, Stage


def an_engine() -> FakeEngine:
    engine = FakeEngine().add(
        a_run("run-1", RunStatus.RUNNING, created_at=ago(1)),
        a_run("run-2", RunStatus.FAILED, pack="on-call", finished_at=ago(300)),
        a_plan(risk=Risk.HIGH, requested_at=ago(9)),
        a_form(run_id="run-1"),
    )
    engine.levels.stored = (a_level("on-call", failed=1),)
    return engine


PLACES: list[tuple[tuple[str, ...], type[Screen[Any]]]] = [
    (("2", "enter", "G", "escape", "+", "a"), TypedWordDialog),
    (("2", "enter", "G", "escape", "+", "r"), CommentDialog),
    (("2", "enter", "G", "escape", "+", "e"), PlanDialog),
    (("2", "enter", "G", "escape", "+", "e", "enter"), ParamsDialog),
    (("2", "enter", "G", "escape", "+", "space", "M"), BulkDecisionDialog),
    (("3", "enter"), FormScreen),
    (("4", "c"), CapDialog),
    (("4", "x"), ExcludeDialog),
    (("5", "enter"), PackScreen),
    (("5", "P"), PublishDialog),
    (("x",), CancelMenu),
    (("space", "p"), BulkDialog),
    (("s",), SavedFiltersDialog),
    (("enter",), RunScreen),
    (("enter", "!"), FlagDialog),
    (("c", "enter"), StartFormScreen),
    ((":",), PaletteScreen),
]


def wrote(engine: FakeEngine) -> list[str]:
    """Calls that change something."""
    verbs = ("approve", "reject", "answer", "start", "pause", "resume", "retry", "cancel", "publish", "trust")
    more = ("claim", "release", "exclude", "flag", "set_cap", "top_up", "decide_outcome", "save", "hand_off")
    return [name for name, _ in engine.calls if name in {*verbs, *more}]


def typed(stage: Stage) -> list[str]:
    screen = stage.app.screen
    return [line.value for line in screen.query(Input)] + [area.text for area in screen.query(TextArea)]


def _types(stage: Stage) -> bool:
    return isinstance(stage.app.screen.focused, (Input, TextArea))


@pytest.mark.parametrize(("keys", "kind"), PLACES, ids=lambda one: getattr(one, "__name__", ""))
async def test_nothing_is_done_and_nothing_lost(
    console: OpenConsole, keys: tuple[str, ...], kind: type[Screen[Any]]
) -> None:
    engine = an_engine()
    async with console(engine, size=(80, 24)) as stage:
        await stage.still()
        for key in keys:
            if key == "+":
                await stage.graced()
            else:
                await stage.press(key)
                await stage.still()
        await stage.on(kind)
        await stage.graced()
        if _types(stage):
            await stage.write("42 reasons")
        before, focused, shown = typed(stage), stage.app.screen.focused, stage.text()
        await stage.resize(40, 10)
        await stage.shows("too small")
        for key in ("f2", *("p.arMoKPTxe" if not _types(stage) else ())):
            await stage.press(key)
        assert not wrote(engine)
        await stage.resize(80, 24)
        await stage.on(kind)
        assert stage.app.screen.focused is focused
        assert typed(stage) == before
        await stage.until(lambda: stage.text().splitlines()[-1] == shown.splitlines()[-1], "the keys")
