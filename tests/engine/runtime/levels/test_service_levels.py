"""`engine.levels` of the embedded engine: runs that ended, against what their packs promise."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.contracts.actor import Actor
from engine.contracts.governing.slo import SloState, SloTargets
from engine.errors import InvalidInput, NotFound
from engine.journal.memory.journal import MemoryJournal
from tests.engine.runtime.embedded_home import ANN, BOB, Home, approval, rest, start, tool
from tests.engine.runtime.fake_clock import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.governing.slo import ServiceLevel


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.flow("works", tool("a", params={"x": 1}))
    made.flow("fails", tool("a", "fake.fail"))
    made.flow("gated", approval("gate", gates="a"), tool("a", params={"x": 1}))
    made.flow("idle", tool("a"), pack="other")
    return made


def promise(home: Home, **slo: Any) -> None:
    path = home.root / "shipped" / "demo" / "profession-pack.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "slo": slo}))


def of(levels: tuple[ServiceLevel, ...], pack: str) -> ServiceLevel:
    (found,) = (level for level in levels if level.pack == pack)
    return found


async def test_runs_that_ended_are_held_against_the_promise(home: Home) -> None:
    promise(home, success_rate=0.5)
    async with home.working(journal=MemoryJournal()) as engine:
        for flow in ("works", "works", "fails"):
            await rest(engine, await start(engine, flow))
        demo = of(await engine.levels.list(), "demo")
        assert (demo.runs, demo.failed, demo.allowed, demo.may_fail) == (3, 1, 1, 0)
        assert (demo.goal, demo.goal_from, demo.p95_goal_ms) == (0.5, "pack", 8_000)
        assert demo.state is SloState.MET
        assert [one.runs for one in demo.why] == [1]
        assert demo.p95_ms is not None
        detail = await engine.levels.get("demo", window_days=1)
        assert (detail.level.window_days, detail.budget[-1]) == (1, 0.0)


async def test_packs_without_runs_are_there_and_the_worst_is_first(home: Home) -> None:
    async with home.working(journal=MemoryJournal()) as engine:
        await rest(engine, await start(engine, "fails"))
        first, second = await engine.levels.list()
        assert (first.pack, first.state) == ("demo", SloState.FEW_EVENTS)
        assert (second.pack, second.state, second.goal_from) == ("other", SloState.NO_DATA, "risk medium")


async def test_settings_win_over_the_pack(home: Home) -> None:
    promise(home, success_rate=0.5, response_p95_ms=100)
    said = {"demo": SloTargets(success_rate=0.9)}
    async with home.open(journal=MemoryJournal(), slo=said) as engine:
        demo = of(await engine.levels.list(), "demo")
        assert (demo.goal, demo.p95_goal_ms, demo.goal_from) == (0.9, 100, "settings")


async def test_a_copy_of_a_pack_promises_nothing_for_it(home: Home) -> None:
    promise(home, success_rate=0.9)
    shutil.copytree(home.root / "shipped" / "demo", home.root / "home" / "demo-old")
    promise(home, success_rate=0.5)
    async with home.open(journal=MemoryJournal()) as engine:
        assert of(await engine.levels.list(), "demo").goal == 0.5


async def test_people_are_told_apart(home: Home) -> None:
    async with home.working(journal=MemoryJournal()) as engine:
        await rest(engine, await start(engine, "gated"))
        (asked,) = (await engine.requests.approvals()).items
        await engine.requests.approve(asked.approval_id, actor=BOB)
        await rest(engine, asked.run_id)
        people = of(await engine.levels.list(), "demo").people
        assert (people.asked, people.expired) == (1, 0)
        assert people.p95_ms is not None


@pytest.mark.parametrize(("p95_ms", "kept"), [(90 * 86_400_000, True), (1, False)])
async def test_people_have_a_promise_of_their_own(home: Home, p95_ms: int, kept: bool) -> None:
    promise(home, human={"p95_ms": p95_ms, "expired_rate": 0.5})
    clock = FakeClock()
    async with home.working(journal=MemoryJournal(), clock=clock) as engine:
        assert of(await engine.levels.list(), "demo").people.kept is None
        await rest(engine, await start(engine, "gated"))
        (asked,) = (await engine.requests.approvals()).items
        clock.ahead += 0.1  # so long the person thinks about it
        await engine.requests.approve(asked.approval_id, actor=BOB)
        await rest(engine, asked.run_id)
        demo = of(await engine.levels.list(), "demo")
        assert (demo.people.kept, demo.people.p95_goal_ms, demo.people.expired_goal) == (kept, p95_ms, 0.5)
        assert demo.state is SloState.MET


async def test_a_tenant_sees_its_own(home: Home) -> None:
    async with home.working(journal=MemoryJournal()) as engine:
        run = await engine.runs.start("demo", "works", {}, actor=ANN, tenant="acme")
        await rest(engine, run.run_id)
        assert {(one.tenant, one.pack) for one in await engine.levels.list()} == {
            ("acme", "demo"),
            ("default", "other"),
        }
        mine = engine.for_(Actor(name="eve", via="cli"), tenant="beta")
        assert {(one.tenant, one.runs) for one in await mine.levels.list()} == {("beta", 0)}
        with pytest.raises(NotFound):
            await mine.levels.get("demo", tenant="acme")


@pytest.mark.parametrize("days", [0, 91, -1])
async def test_a_window_has_bounds(home: Home, days: int) -> None:
    async with home.open(journal=MemoryJournal()) as engine:
        with pytest.raises(InvalidInput):
            await engine.levels.list(window_days=days)
        with pytest.raises(NotFound):
            await engine.levels.get("nope")


async def test_an_absurd_promise_is_a_problem_of_the_pack(home: Home) -> None:
    promise(home, success_rate=2.0)
    async with home.open(journal=MemoryJournal()) as engine:
        (demo,) = (view for view in await engine.packs.list() if view.pack == "demo")
        assert any("success_rate" in problem.field for problem in demo.problems)


async def test_an_operator_excludes_a_run_with_a_reason(home: Home) -> None:
    async with home.working(journal=MemoryJournal()) as engine:
        run_id = await start(engine, "fails")
        await rest(engine, run_id)
        with pytest.raises(InvalidInput):
            await engine.levels.exclude(run_id, "  ", actor=ANN)
        with pytest.raises(InvalidInput):
            await engine.levels.exclude(run_id, "x" * 501, actor=ANN)
        assert await engine.levels.exclude(run_id, "a deployment", actor=ANN)
        assert not await engine.levels.exclude(run_id, "a deployment", actor=ANN)
        demo = of(await engine.levels.list(), "demo")
        assert (demo.runs, demo.failed, demo.excluded, demo.why) == (0, 0, 1, ())
        assert (await engine.runs.summary(run_id)).excluded == "a deployment"
        assert (await engine.runs.events(run_id))[-1].kind == "run_excluded"
        beta = engine.for_(ANN, tenant="beta")
        with pytest.raises(NotFound):
            await beta.levels.exclude(run_id, "a deployment", actor=ANN)


async def test_the_last_hours_of_a_pack_are_told(home: Home) -> None:
    async with home.working(journal=MemoryJournal()) as engine:
        for flow in ("works", "fails"):
            await rest(engine, await start(engine, flow))
        (trend,) = await engine.levels.trends(hours=2)
        assert (trend.pack, sum(trend.runs), sum(trend.failed), len(trend.runs)) == ("demo", 2, 1, 2)
        for hours in (0, 73):
            with pytest.raises(InvalidInput):
                await engine.levels.trends(hours=hours)


async def test_an_operator_flags_a_run_that_told_what_is_not_so_and_takes_it_back(home: Home) -> None:
    async with home.working(journal=MemoryJournal()) as engine:
        run_id = await start(engine, "fails")
        await rest(engine, run_id)
        for comment in ("  ", "x" * 501):
            with pytest.raises(InvalidInput):
                await engine.levels.flag(run_id, comment, actor=ANN)
        assert await engine.levels.flag(run_id, "no such file", actor=ANN)
        assert not await engine.levels.flag(run_id, "no such file", actor=ANN)
        demo = of(await engine.levels.list(), "demo")
        told = demo.hallucination
        assert (told.flagged, told.rate, told.goal, told.kept) == (1, 1.0, 0.05, False)
        assert (await engine.runs.summary(run_id)).flagged == "no such file"
        with pytest.raises(NotFound):
            await engine.for_(ANN, tenant="beta").levels.flag(run_id, "no such file", actor=ANN)
        assert await engine.levels.unflag(run_id, "", actor=ANN)
        assert (await engine.runs.summary(run_id)).flagged is None
        assert of(await engine.levels.list(), "demo").hallucination.flagged == 0
