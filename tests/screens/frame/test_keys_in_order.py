"""Keys that come all at once, as a slow line sends them, mean what they would mean one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.keys import _character_to_key

from engine.contracts.status import RunStatus
from screens.approvals.screen import ApprovalsScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


def send_at_once(stage: Stage, *keys: str) -> None:
    for key in keys:
        one = len(key) == 1
        stage.app.post_message(events.Key(_character_to_key(key) if one else key, key if one else None))


async def test_a_filter_typed_at_once_is_no_command(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run("run-1"), a_run("run-2", RunStatus.PENDING_HUMAN))
    async with console(engine) as stage:
        await stage.shows("● running")
        send_at_once(stage, "/", *"pending_human", "enter", "S")
        await stage.until(lambda: [row.key for row in stage.paged("#runs").visible_rows] == ["run-2"])
        await stage.shows("Age ▲")
        assert not engine.asked("pause")


async def test_a_name_typed_at_once_into_the_palette_is_no_command(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run("run-1"))
    async with console(engine) as stage:
        await stage.shows("● running")
        send_at_once(stage, ":", *"approvals", "enter")
        await stage.on(ApprovalsScreen)
        assert not engine.asked("pause")


async def test_a_paste_keeps_its_turn(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run("run-1"), a_run("run-2", pack="log-triage"))
    async with console(engine) as stage:
        await stage.shows("● running")
        send_at_once(stage, "/")
        stage.app.post_message(events.Paste("pack:log"))
        send_at_once(stage, *"-triage")
        await stage.until(lambda: [row.key for row in stage.paged("#runs").visible_rows] == ["run-2"])
