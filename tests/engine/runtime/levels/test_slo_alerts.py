"""Alerts of service levels begin once and end by themselves, and people are told when they begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.slo import DriftMetric, DriftSeverity, DriftView, FailureCount, SloState
from engine.contracts.notice import NoticeKind
from engine.contracts.status import RunStatus
from engine.facade.feed import AlertChanged, ClaimsChanged, Topic
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.slo_alerts import NOTES, AlertWatch
from tests.engine.runtime.embedded_home import ANN, approval, pending_approval, rest, start, tool, until
from tests.engine.runtime.fake_clock import FakeClock
from tests.engine.runtime.reading.test_notices import FakeChannel
from tests.fakes.engine import FakeEngine
from tests.fakes.levels import a_level, some_burns

if TYPE_CHECKING:
    from engine.contracts.governing.slo import ServiceLevel
    from engine.facade.feed import FeedBatch
    from engine.journal.port import Journal
    from engine.journal.sqlite.journal import SqliteJournal
    from tests.engine.runtime.embedded_home import Home

BURNING = a_level(
    state=SloState.AT_RISK,
    burns=some_burns(20.0, 7.0, 1.0, 0.5, fires=True),
    why=(FailureCount(code="timeout", runs=4),),
)
EXHAUSTED = a_level(state=SloState.VIOLATED, failed=4, may_fail=-2)
PAGED = "hello: page alert, runs fail 20.0 times faster than the goal allows"


class Watched:
    """Two processes that look at levels which a test sets, on one journal."""

    def __init__(self) -> None:
        self._engine = FakeEngine()
        self.journal, self.clock = MemoryJournal(), FakeClock()
        self.processes = [
            AlertWatch(self.journal, self.clock, self._engine.levels),
            AlertWatch(self.journal, self.clock, self._engine.levels),
        ]

    async def holds(self, *levels: ServiceLevel) -> list[str]:
        """What is recorded when both look a minute later, and this holds then."""
        place = await self.journal.levels.last_alert()
        self._engine.levels.stored = levels
        self.clock.set_by(60.0)
        for process in self.processes:
            await process.look()
        rows = await self.journal.levels.alerts_after(place, 100)
        return [("" if row["ends"] is None else "ended ") + row["title"] for row in rows if not row["quiet"]]


async def watched() -> Watched:
    found = Watched()
    assert await found.holds() == []
    return found


async def test_an_alert_is_recorded_when_it_begins_and_when_it_ends_and_not_in_between() -> None:
    found = await watched()
    assert await found.holds(a_level()) == []
    assert await found.holds(BURNING) == [PAGED]
    assert await found.holds(BURNING) == []
    assert await found.holds(a_level()) == [f"ended {PAGED}"]
    assert await found.holds(BURNING) == [PAGED]


async def test_it_tells_the_numbers_that_made_it() -> None:
    found = await watched()
    await found.holds(BURNING)
    (row,) = await found.journal.levels.newest_alerts("default", "hello", 10)
    assert row["told"] == "1 of 100 runs failed in 30 days, 1 more may fail: 4 timeout"


async def test_one_of_a_pack_that_counts_no_more_ends() -> None:
    found = await watched()
    assert await found.holds(BURNING) == [PAGED]
    assert await found.holds() == [f"ended {PAGED}"]


async def test_what_holds_at_the_first_look_is_told_nobody() -> None:
    found = Watched()
    assert await found.holds(BURNING) == []
    assert len(await found.journal.levels.standing_alerts()) == 1


async def test_an_exhausted_budget_is_an_alert_of_its_own() -> None:
    found = await watched()
    assert await found.holds(EXHAUSTED) == ["hello: 2 too many runs failed in 30 days"]


async def test_a_pack_that_is_too_slow_is_no_alert_of_one_or_two_failures() -> None:
    found = await watched()
    assert await found.holds(a_level(state=SloState.VIOLATED, runs=22, failed=2, may_fail=-2)) == []


async def test_a_drift_is_an_alert() -> None:
    slower = DriftView(metric=DriftMetric.TIME, baseline=2.0, current=9.2, severity=DriftSeverity.WARNING)
    found = await watched()
    drifting = a_level(drift=(slower,))
    assert await found.holds(drifting) == ["hello: warning, runs take 4.6 times as long as before"]
    assert await found.holds(drifting) == []


async def test_all_packs_are_looked_at_by_one_process_a_minute() -> None:
    found = await watched()
    asked = len(found._engine.calls)
    found.clock.set_by(20.0)
    for process in found.processes:
        await process.look()
    assert len(found._engine.calls) == asked
    await found.holds()
    assert len(found._engine.calls) == asked + 1


async def first_look(journal: Journal) -> None:
    """Wait until the levels were looked at: what holds then is told nobody."""

    async def done() -> bool:
        return await journal.shared_notes.read(NOTES) is not None

    await until(done)


async def test_people_are_told_of_a_pack_whose_runs_fail(home: Home, journal: SqliteJournal) -> None:
    home.flow("bad", tool("go", "fake.fail"))
    home.flow("ask", approval("ask"))
    channel = FakeChannel()

    async def told() -> bool:
        return NoticeKind.SLO in {notice.kind for notice in channel.told}

    async with home.working(journal=journal, notify={"way": channel}) as engine:
        await first_look(journal)
        for _ in range(3):
            await rest(engine, await start(engine, "bad"), expect=RunStatus.FAILED)
        await until(told)
        await rest(engine, await start(engine, "bad"), expect=RunStatus.FAILED)
        await start(engine, "ask")

        async def later_ones_are_told() -> bool:
            return channel.told[-1].kind is NoticeKind.APPROVAL

        await until(later_ones_are_told)
    (alert,) = (notice for notice in channel.told if notice.kind is NoticeKind.SLO)
    assert alert.title.startswith("demo: page alert, runs fail")
    assert (alert.pack, alert.tenant) == ("demo", "default")


async def test_another_program_hears_of_the_alerts_of_its_tenant(home: Home, journal: SqliteJournal) -> None:
    home.flow("bad", tool("go", "fake.fail"))
    home.flow("ask", approval("ask"))
    async with home.working(journal=journal) as engine, home.working() as other:
        await first_look(journal)
        mine = other.for_(ANN, tenant="default").feed.subscribe(topics={Topic.ALERTS})
        foreign = other.for_(ANN, tenant="acme").feed.subscribe(topics={Topic.ALERTS, Topic.CLAIMS})
        async with mine as batches, foreign as elsewhere:
            for _ in range(3):
                await rest(engine, await start(engine, "bad"), expect=RunStatus.FAILED)
            batch: FeedBatch = await anext(batches)
            alerts = [notice.alert for notice in batch.of(AlertChanged)]
            assert alerts[0].title.startswith("demo: page alert, runs fail")
            assert (alerts[0].tenant, alerts[0].ended) == ("default", None)
            request = await pending_approval(engine, await start(engine, "ask"))
            await engine.requests.claim(request.approval_id, actor=ANN)
            assert (await anext(elsewhere)).notices == (ClaimsChanged(),)
        detail = await other.levels.get("demo", tenant="default")
        assert {alert.number for alert in detail.alerts} == {alert.number for alert in alerts}
