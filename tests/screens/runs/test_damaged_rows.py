"""What the journal cannot read is named on the lists, and spoils nothing else of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.approvals.screen import ApprovalsScreen
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_form, a_run, an_approval

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


async def test_damaged_runs_and_requests_are_named_and_the_others_shown(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), a_run("run-2"), an_approval("app-1"), an_approval("app-2"), a_form())
    engine.damaged = {"run-2", "app-2", "form-1"}
    async with console(engine, size=(140, 32)) as stage:
        await stage.shows("▲ damaged")
        await stage.until(lambda: "run-2" in stage.text())
        await stage.shows("● running")
        await stage.press("2")
        await stage.shows("not shown: app-2 (vasini doctor --deep)")
        await stage.shows("What exactly will happen")
        await stage.press("3")
        await stage.shows("not shown: form-1 (vasini doctor --deep)")
        engine.damaged.clear()
        engine.news()
        await stage.until(lambda: "not shown" not in stage.text())


async def test_a_run_whose_only_request_is_damaged_is_not_told_to_have_asked_nobody(
    console: OpenConsole,
) -> None:
    engine = FakeEngine().add(a_run(), an_approval("app-1"))
    engine.damaged = {"app-1"}
    async with console(engine, size=(140, 32)) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count)
        stage.app.open_run("run-1", pane="requests")
        await stage.on(RunScreen)
        await stage.shows("not shown: app-1 (vasini doctor --deep)")
        assert "asked nobody" not in stage.text()


async def test_what_waits_longest_is_found_behind_a_request_that_is_damaged(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), an_approval("app-1"), an_approval("app-2"))
    engine.damaged = {"app-1"}
    async with console(engine, size=(140, 32)) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count)
        for key in ("exclamation_mark", "i"):
            await stage.press(key)
            await stage.on(ApprovalsScreen)
            await stage.until(lambda: stage.table("#approvals").cursor_key == "app-2")
            await stage.press("escape")
            await stage.on(RunsScreen)
