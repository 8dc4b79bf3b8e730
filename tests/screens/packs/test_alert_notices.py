"""Alerts of service levels that begin and end, wherever the operator is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.slo import (
    AlertKind,
    AlertView,
)
from engine.facade.feed import AlertChanged, FeedBatch
from screens.slo.alerts import notices_of
from tests.fakes.engine import FakeEngine
from tests.fakes.levels import a_level, an_alert
from tests.fakes.views import NOW, ago
from tests.screens.packs.test_slo_screen import an_engine, on_levels

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


def told(*alerts: AlertView) -> FeedBatch:
    return FeedBatch(notices=tuple(map(AlertChanged, alerts)))


async def test_an_alert_that_begins_or_ends_is_told_on_any_screen(console: OpenConsole) -> None:
    engine = an_engine()
    hostile = "[red]x\x1b[2J\n\u202eevil"
    async with console(engine) as stage:
        begins = an_alert(
            pack=hostile, title=f"{hostile}: page alert, runs fail 20.0 times faster than the goal allows"
        )
        engine.feed.publish(told(begins, an_alert(2, kind=AlertKind.TICKET, pack=hostile)))
        await stage.until(lambda: "page alert, runs fail 20.0 times" in stage.notices(), "the beginning")
        assert "[red]x" in stage.notices()
        assert not {"\x1b", "\n", "\u202e"} & set(stage.notices()), "one notice, and harmless"
        stage.app.clear_notifications()
        drifted = an_alert(2, ended=NOW, kind=AlertKind.DRIFT_TIME)
        engine.feed.publish(told(an_alert(ended=NOW), drifted))
        await stage.until(lambda: stage.notices() == "hello: page, drift of time ended", "the end")


def test_alerts_of_many_packs_are_a_few_notices() -> None:
    words = list(notices_of([an_alert(number, pack=f"p{number}") for number in range(50)]))
    assert len(words) == 4
    assert words[-1] == ("47 more packs with alerts that began or ended", "warning")


async def test_the_newest_alerts_of_a_pack_stand_where_there_is_room(console: OpenConsole) -> None:
    engine = FakeEngine()
    engine.levels.stored = (a_level(),)
    engine.levels.alerts = (an_alert(2), an_alert(1, kind=AlertKind.DRIFT_COST, began=ago(3600), ended=NOW))
    async with console(engine, size=(140, 40)) as stage:
        await on_levels(stage)
        await stage.shows("page since 14 Mar 09:26 UTC · drift of cost 14 Mar 08:26 UTC to 14 Mar 09:26 UTC")
