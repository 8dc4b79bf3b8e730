"""Esc leads back from a list that a key of another screen led to; who came by its number stays there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RunStatus
from screens.approvals.screen import ApprovalsScreen
from screens.forms.list_screen import FormsScreen
from screens.packs.list_screen import PacksScreen
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from screens.runs.start import StartFormScreen
from screens.slo.screen import SloScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.levels import a_level
from tests.fakes.views import a_flow, a_pack, a_run, ago, an_approval

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


def an_engine() -> FakeEngine:
    engine = FakeEngine().add(
        a_run("run-bad", RunStatus.FAILED, pack="on-call", finished_at=ago(300)),
        a_run("run-1", RunStatus.PENDING_HUMAN),
        an_approval(),
    )
    engine.levels.stored = (a_level("on-call", failed=1),)
    return engine


def typed(stage: Stage) -> str:
    screen = stage.app.screen
    assert isinstance(screen, RunsScreen)
    return screen._typed


async def to_failed_of_pack(stage: Stage) -> None:
    await stage.press("4")
    await stage.on(SloScreen)
    await stage.shows("on-call")
    await stage.press("enter")
    await stage.on(RunsScreen)
    await stage.until(lambda: stage.paged("#runs").row_count == 1, "the run that failed")


async def test_the_runs_of_a_service_level_lead_back_to_it(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await to_failed_of_pack(stage)
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.press("escape")
        await stage.on(RunsScreen)
        await stage.press("escape")
        await stage.on(SloScreen)
        await stage.press("1")
        await stage.until(lambda: not typed(stage), "the filter went with it")


async def test_the_filter_of_before_is_there_again(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await stage.press("/", *"hello", "enter")
        await to_failed_of_pack(stage)
        await stage.press("f")
        await stage.until(lambda: typed(stage).startswith("status:"))
        await stage.press("escape")
        await stage.on(SloScreen)
        await stage.press("1")
        await stage.until(lambda: typed(stage) == "hello")
        await stage.press("escape")
        await stage.until(lambda: not typed(stage))
        await stage.press("escape")
        await stage.on(RunsScreen)


async def test_what_was_typed_over_the_filter_is_cleared_first(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await to_failed_of_pack(stage)
        await stage.press("/", *"hello", "enter")
        await stage.until(lambda: typed(stage) == "hello")
        await stage.press("escape")
        await stage.until(lambda: not typed(stage))
        await stage.on(RunsScreen)
        await stage.press("escape")
        await stage.on(SloScreen)


@pytest.mark.parametrize(("view", "kind"), [("3", FormsScreen), ("4", SloScreen), ("5", PacksScreen)])
@pytest.mark.parametrize(("key", "led"), [("f", RunsScreen), ("!", ApprovalsScreen)])
async def test_keys_of_every_view_lead_back_to_it(
    console: OpenConsole, view: str, kind: type, key: str, led: type
) -> None:
    async with console(an_engine()) as stage:
        await stage.press(view)
        await stage.on(kind)
        await stage.press(key)
        await stage.on(led)
        await stage.press("escape")
        await stage.on(kind)


async def test_a_request_leads_back_to_its_run_and_that_to_where_it_was_opened(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count == 2)
        await stage.press("G")
        assert stage.paged("#runs").cursor_key == "run-1"
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.press("i")
        await stage.on(ApprovalsScreen)
        await stage.shows("What exactly will happen")
        await stage.press("enter", "escape")
        await stage.on(ApprovalsScreen)
        await stage.press("escape")
        await stage.on(RunScreen)
        await stage.press("escape")
        await stage.on(RunsScreen)


async def test_who_came_by_its_number_stays(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await stage.press("5", "!")
        await stage.on(ApprovalsScreen)
        await stage.press("4", "2", "escape", "escape")
        await stage.on(ApprovalsScreen)


async def test_two_views_that_led_to_each_other_do_not_go_round(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await stage.press("2")
        await stage.on(ApprovalsScreen)
        await stage.press("f")
        await stage.on(RunsScreen)
        await stage.press("!")
        await stage.on(ApprovalsScreen)
        await stage.press("escape")
        await stage.on(RunsScreen)
        await stage.press("escape")
        await stage.on(ApprovalsScreen)
        await stage.press("escape", "escape")
        await stage.on(ApprovalsScreen)


async def test_a_start_form_that_was_sent_waits_nowhere_to_be_sent_again(console: OpenConsole) -> None:
    talk = a_flow("talk", {"type": "object", "properties": {"message": {"type": "string"}}}, converses=True)
    async with console(FakeEngine(stored_packs=(a_pack(talk),))) as stage:
        await stage.press("5")
        await stage.until(lambda: stage.table("#packs").rows)
        await stage.press("T")
        await stage.on(StartFormScreen)
        await stage.write("hello")
        await stage.press("f2")
        await stage.on(RunsScreen)
        assert len(stage.engine.asked("start")) == 1
        await stage.press("escape")
        await stage.on(PacksScreen)
        await stage.press("f2")
        assert len(stage.engine.asked("start")) == 1
