"""Very many service levels in short: the same as in full, and only what changed is read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.slo import AlertKind, SloState
from engine.contracts.status import Risk
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.embedded.governing.summaries import AGAIN, FEW, PackObjectives, Summaries
from engine.slo.buckets import DAY, HOUR, MINUTE, SECOND, Bucket, start_of
from engine.slo.objectives import Objective, objective
from engine.slo.sketch import bin_of
from tests.engine.runtime.embedded_home import ANN, Home, rest, start, tool
from tests.engine.runtime.fake_clock import FakeClock
from tests.fakes.levels import summary_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.facade.levels import LevelSummary
    from engine.journal.rules.levels.level_reads import ChangedLevel, LevelSpan, LevelSums
    from engine.journal.rules.levels.levels import Levels
    from engine.journal.rules.store import Store
    from engine.slo.sums import PackSums, SumsAsked

LOW = PackObjectives({"docs": objective(Risk.LOW)}, objective(Risk.MEDIUM))


class CountingReads:
    """Levels of a journal; `read` are the packs that were asked for since it was cleared."""

    def __init__(self, levels: LevelSums) -> None:
        self._levels = levels
        self.read: list[str] = []

    async def changed(self, mark: int, tenant: str | None) -> Sequence[ChangedLevel]:
        return await self._levels.changed(mark, tenant)

    async def sums(self, span: LevelSpan, asked: SumsAsked) -> Sequence[PackSums]:
        found = await self._levels.sums(span, asked)
        self.read += [sums.tenant for sums in found]
        return found

    async def recent(self, places: Collection[tuple[str, str]], moment: int, now: int) -> Levels:
        return await self._levels.recent(places, moment, now)


class Many:
    """A journal in which runs of many tenants ended."""

    def __init__(self, tenants: int) -> None:
        self.journal, self.clock = MemoryJournal(), FakeClock()
        self.clock.set_by((DAY - self.clock.now() % DAY + HOUR) / SECOND)  # no day begins meanwhile
        self.reads = CountingReads(self.journal.levels)
        self.summaries = Summaries(self.reads, self.clock)
        self.tenants = [f"t{number:04}" for number in range(tenants)]

    async def end(self, tenant: str, *, good: int = 0, bad: int = 0, ago: int = 0) -> None:
        moment = start_of(self.clock.now() - ago)

        def write(store: Store) -> None:
            times = {bin_of(SECOND): good} if good else {}
            store.put_level(tenant, "docs", Bucket(moment, good=good, bad=bad, times=times))

        await self.journal.write(write)

    async def fill(self) -> None:
        for tenant in self.tenants:
            await self.end(tenant, good=100, ago=10 * DAY)

    async def list(self, goals: PackObjectives = LOW, tenant: str | None = None) -> Sequence[LevelSummary]:
        self.reads.read.clear()
        return await self.summaries.read(tenant, None, goals)


async def many(tenants: int = 30) -> Many:
    found = Many(tenants)
    await found.fill()
    assert len(await found.list()) == len(found.reads.read) == tenants
    return found


async def test_only_the_pack_that_changed_is_read_again() -> None:
    found = await many()
    assert await found.list() is await found.list()
    assert found.reads.read == []
    await found.end("t0007", bad=5)
    first = (await found.list())[0]
    assert found.reads.read == ["t0007"]
    assert (first.tenant, first.state, first.may_fail) == ("t0007", SloState.VIOLATED, -3)


async def test_very_many_that_changed_are_read_at_once_and_each_is_there() -> None:
    found = await many(FEW + 20)
    for tenant in found.tenants[::-1][: FEW + 1]:
        await found.end(tenant, good=1)
    assert {level.runs for level in (await found.list())[20:]} >= {101}
    assert sum(level.runs == 101 for level in await found.list()) == FEW + 1


async def test_a_new_tenant_stands_in_the_order_of_names() -> None:
    found = await many(3)
    await found.end("t0000-new", good=100, ago=HOUR)
    assert [level.tenant for level in await found.list()] == ["t0000", "t0000-new", "t0001", "t0002"]


async def test_burns_fall_as_time_goes_by_without_anything_being_read() -> None:
    found = await many(3)
    await found.end("t0001", good=10, bad=10, ago=10 * MINUTE)
    first = (await found.list())[0]
    assert first.burns[1] > 6
    assert AlertKind.PAGE in first.alerts
    found.clock.set_by(7 * 3600)
    later = {level.tenant: level for level in await found.list()}["t0001"]
    assert (later.burns[1], AlertKind.PAGE in later.alerts) == (0.0, False)
    assert later.burns[2] > 3
    assert found.reads.read == []
    assert AGAIN < 7 * HOUR


async def test_what_is_older_than_the_window_counts_no_more() -> None:
    found = await many(3)
    await found.end("t0001", good=1, ago=HOUR)
    await found.list()
    found.clock.set_by(21 * 86_400)
    assert [(level.tenant, level.runs) for level in await found.list()] == [("t0001", 1)]


async def test_another_promise_and_a_clock_that_is_set_back_let_all_be_read() -> None:
    found = await many(3)
    strict = PackObjectives({"docs": Objective(success=0.9, p95=1, window_days=7)}, LOW.gone)
    (unused,) = await found.list(strict)
    assert (unused.tenant, unused.state) == ("default", SloState.NO_DATA)
    week = PackObjectives({"docs": Objective(success=0.9, p95=1, window_days=20)}, LOW.gone)
    assert {level.state for level in await found.list(week)} == {SloState.VIOLATED}
    found.clock.set_by(-60)
    await found.list(week)
    assert len(found.reads.read) == 3


async def test_one_tenant_is_read_apart() -> None:
    found = await many()
    assert [level.tenant for level in await found.list(tenant="t0003")] == ["t0003"]
    assert found.reads.read == ["t0003"]


async def test_packs_with_windows_of_their_own_are_read_over_these() -> None:
    found = Many(0)

    def write(store: Store) -> None:
        for tenant in ("a", "b"):
            for pack in ("docs", "short"):
                for ago in (2, 20):
                    store.put_level(tenant, pack, Bucket(start_of(found.clock.now() - ago * DAY), good=1))

    await found.journal.write(write)
    goals = PackObjectives({"short": Objective(success=0.9, p95=10, window_days=7)}, LOW.gone)
    runs = {(level.tenant, level.pack): level.runs for level in await found.list(goals)}
    assert runs == {("a", "docs"): 2, ("b", "docs"): 2, ("a", "short"): 1, ("b", "short"): 1}


async def test_a_pack_that_is_gone_is_told_over_the_window_that_was_asked_for(home: Home) -> None:
    clock, journal = FakeClock(), MemoryJournal()

    def write(store: Store) -> None:
        for ago in (0, 4, 20, 40):
            start = start_of(clock.now() - ago * DAY - HOUR)
            store.put_level("default", "gone", Bucket(start, good=1, times={bin_of(SECOND): 1}))

    await journal.write(write)
    async with home.open(journal=journal, clock=clock) as engine:
        for days, runs in ((None, 3), (1, 1), (7, 2), (90, 4)):
            full = await engine.levels.list(window_days=days)
            short = await engine.levels.summaries(window_days=days)
            alone = (await engine.levels.get("gone", window_days=days)).level
            found = [(one.window_days, one.runs) for one in (*full, alone) if one.pack == "gone"]
            found += [(one.window_days, one.runs) for one in short if one.pack == "gone"]
            assert found == [(days or 30, runs)] * 3


async def test_in_short_they_are_what_they_are_in_full(home: Home) -> None:
    home.flow("works", tool("a", params={"x": 1}))
    home.flow("fails", tool("a", "fake.fail"))
    home.flow("idle", tool("a"), pack="other")
    async with home.working() as engine:
        for flow in ("works", "works", "fails", "fails", "fails"):
            await rest(engine, await start(engine, flow))
        run = await engine.runs.start("demo", "works", {}, actor=ANN, tenant="acme")
        await rest(engine, run.run_id)
        for days in (None, 1, 90):
            full = await engine.levels.list(window_days=days)
            short = await engine.levels.summaries(window_days=days)
            assert [one._replace(runs_out=None) for one in short] == [
                summary_of(level)._replace(runs_out=None) for level in full
            ]
        mine = engine.for_(ANN, tenant="acme")
        assert {one.tenant for one in await mine.levels.summaries()} == {"acme"}
