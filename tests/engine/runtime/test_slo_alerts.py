"""Alerts of service levels are told once when they begin, and again only after they had ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.contracts.governing.slo import DriftMetric, DriftSeverity, DriftView, FailureCount, SloState
from engine.contracts.notice import NoticeKind
from engine.contracts.status import RunStatus
from engine.journal.memory.journal import MemoryJournal
from engine.journal.records import StoredEvent
from engine.machine.events.event import Event
from engine.machine.events.run_facts import RunFailed
from engine.runtime.slo_alerts import SloAlerts
from tests.engine.runtime.embedded_home import approval, rest, start, tool, until
from tests.engine.runtime.test_notices import FakeChannel
from tests.fakes.engine import FakeEngine
from tests.fakes.levels import a_level, some_burns
from tests.fakes.views import a_run

if TYPE_CHECKING:
    from engine.contracts.governing.slo import ServiceLevel
    from engine.runtime.slo_alerts import Alert
    from tests.engine.runtime.embedded_home import Home

BURNING = a_level(
    state=SloState.AT_RISK,
    burns=some_burns(20.0, 7.0, 1.0, 0.5, fires=True),
    why=(FailureCount(code="timeout", runs=4),),
)
EXHAUSTED = a_level(state=SloState.VIOLATED, may_fail=-2)
RUN = a_run(status=RunStatus.FAILED)


def failed(seq: int) -> StoredEvent:
    event = Event(RunFailed({"code": "timeout", "message": "too long"}), 1_700_000_000_000_000, "engine")
    return StoredEvent(seq, RUN.run_id, 9, event)


class Watched:
    """Alerts over a level that a test sets, on a journal of its own."""

    def __init__(self) -> None:
        self._engine = FakeEngine()
        self._alerts = SloAlerts(lambda: self._engine.levels, MemoryJournal().triggers)

    async def fails(self, level: ServiceLevel) -> Alert | None:
        """A run failed, after which this holds."""
        self._engine.levels.stored = (level,)
        return await self._alerts.after(failed(7), RUN)

    async def title(self, level: ServiceLevel) -> str:
        """The same, told and remembered."""
        alert = await self.fails(level)
        if alert is None:
            return ""
        await self._alerts.remember(alert)
        return alert.notice.title if alert.notice is not None else ""


async def test_an_alert_is_told_when_it_begins_and_not_while_it_lasts() -> None:
    watched = Watched()
    assert await watched.title(a_level()) == ""
    assert await watched.title(BURNING) == "hello: page, runs fail 20.0 times faster than they may"
    assert await watched.title(BURNING) == ""


async def test_it_is_told_again_after_it_had_ended() -> None:
    watched = Watched()
    assert await watched.title(BURNING)
    assert await watched.title(a_level()) == ""
    assert await watched.title(BURNING)


async def test_what_was_not_sent_is_told_by_the_next_try() -> None:
    watched = Watched()
    first, second = await watched.fails(BURNING), await watched.fails(BURNING)
    assert first == second
    assert first is not None
    assert first.notice is not None
    assert (first.notice.kind, first.notice.id) == (NoticeKind.SLO, "msg_7_slo")
    assert first.notice.text == "1 of 100 runs failed in 30 days, 1 more may fail: 4 timeout"


async def test_an_exhausted_budget_is_an_alert_of_its_own() -> None:
    watched = Watched()
    assert await watched.title(BURNING)
    assert await watched.title(EXHAUSTED) == "hello: 2 more runs failed than may in 30 days"


async def test_a_drift_is_told_once() -> None:
    slower = DriftView(metric=DriftMetric.TIME, baseline=2.0, current=9.2, severity=DriftSeverity.WARNING)
    watched = Watched()
    drifting = a_level(drift=(slower,))
    assert await watched.title(drifting) == "hello: warning, runs take 4.6 times as long as before"
    assert await watched.title(drifting) == ""


def test_runs_that_did_not_fail_are_looked_at_once_a_minute() -> None:
    alerts = SloAlerts(lambda: FakeEngine().levels, MemoryJournal().triggers)
    ends = [
        replace(failed(1).event, ts=1_700_000_000_000_000 + seconds * 1_000_000) for seconds in (0, 59, 60)
    ]
    assert [alerts.looks(replace(failed(1), event=end), RUN) for end in ends] == [True, False, True]


async def test_people_are_told_of_a_pack_whose_runs_fail(home: Home) -> None:
    home.flow("bad", tool("go", "fake.fail"))
    home.flow("ask", approval("ask"))
    channel = FakeChannel()

    async def told() -> bool:
        return NoticeKind.SLO in {notice.kind for notice in channel.told}

    async with home.working(notify=channel) as engine:
        for _ in range(3):
            await rest(engine, await start(engine, "bad"), expect=RunStatus.FAILED)
        await until(told)
        await rest(engine, await start(engine, "bad"), expect=RunStatus.FAILED)
        await start(engine, "ask")

        async def later_ones_are_told() -> bool:
            return channel.told[-1].kind is NoticeKind.APPROVAL

        await until(later_ones_are_told)
    (alert,) = (notice for notice in channel.told if notice.kind is NoticeKind.SLO)
    assert alert.title.startswith("demo: page, runs fail")
    assert (alert.pack, alert.tenant) == ("demo", "default")
