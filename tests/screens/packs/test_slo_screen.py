"""The service levels: the worst first, one in full, other windows, and the way to the runs that failed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from engine.contracts.actor import Actor
from engine.contracts.governing.budget import Caps, SpendBy, SpendRow, SpendSum
from engine.contracts.governing.slo import (
    DriftMetric,
    DriftSeverity,
    DriftView,
    FailureCount,
    HallucinationView,
    PeopleView,
    RoleView,
)
from engine.contracts.runs.listed import RunError
from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, Refused, Unavailable
from engine.slo.objectives import Objective
from screens.runs.screen import RunsScreen
from screens.slo.budget_plot import budget_plot
from screens.slo.detail import format_left
from screens.slo.exclude import AT_ONCE, ExcludeDialog
from screens.slo.screen import SloScreen
from screens.widgets.tables.made_table import MadeTable
from tests.fakes.budget import a_cap
from tests.fakes.engine import FakeEngine
from tests.fakes.levels import a_level, some_burns
from tests.fakes.views import NOW, a_run, ago
from tests.screens.packs.levels import SOME_LEVELS
from tests.screens.picture import unfinished

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


def an_engine() -> FakeEngine:
    engine = FakeEngine()
    engine.levels.stored = SOME_LEVELS
    engine.levels.budgets = {"on-call": tuple(1 - number / 80 for number in range(120))}
    return engine


def levels(stage: Stage) -> MadeTable:
    return stage.app.screen.query_one("#levels", MadeTable)


async def on_levels(stage: Stage) -> None:
    await stage.press("4")
    await stage.on(SloScreen)
    await stage.until(lambda: levels(stage).row_count, "packs in the list")


@pytest.mark.parametrize(("goal", "fewest"), [(0.9, 10), (0.8, 5), (0.7, 4), (0.98, 50), (0.999, 1_000)])
def test_of_how_many_runs_one_may_fail_is_what_the_goal_allows(goal: float, fewest: int) -> None:
    assert [Objective(goal, p95=1).allowed(runs) for runs in (fewest - 1, fewest)] == [0, 1]
    told = format_left(a_level(goal=goal, runs=2, failed=0, may_fail=0, allowed=0))
    assert told == f"none may fail among so few: the goal allows 1 of {fewest:,}"


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_the_worst_is_first_and_told_in_full(console: OpenConsole, size: tuple[int, int]) -> None:
    async with console(an_engine(), size=size) as stage:
        await on_levels(stage)
        await stage.shows("4 too many failed, since 12 Mar 09:26 UTC")
        await stage.shows("█")
        for words in (
            "✗ violated",
            "97.08",
            "-4 ███!!!",
            "6.2/3.1",
            "13 ██░░░░",
            "6h 6.2/6 PAGE",
            "3d 1.4/1 TICKET",
            "9 timeout  3 model_error",
            "40 asked · 60 % of the time · p50 3m, p95 2.5h · 2 expired",
            "98 %, p95 5.0s, risk low",
        ):
            await stage.shows(words)


async def test_the_pack_under_the_cursor_says_when_its_budget_runs_out(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await on_levels(stage)
        await stage.press("j")
        await stage.shows("13 more may fail of 19")
        await stage.shows("runs out 23 Mar 09:26 UTC")
        await stage.press("j")
        await stage.shows("Here will stand how many runs")
        await stage.shows("how long people took. 1")


async def test_a_drift_is_told(console: OpenConsole) -> None:
    slower = DriftView(metric=DriftMetric.TIME, baseline=0.9, current=4.1, severity=DriftSeverity.WARNING)
    engine = FakeEngine()
    engine.levels.stored = (a_level(drift=(slower,)),)
    async with console(engine, size=(80, 24)) as stage:
        await on_levels(stage)
        await stage.shows("Drift time 0.90s → 4.1s (warning)")
        await stage.shows("People were asked nothing")


async def test_enter_leads_to_the_runs_that_failed(console: OpenConsole) -> None:
    engine = an_engine().add(
        a_run("run-bad", RunStatus.FAILED, pack="on-call", finished_at=ago(300)),
        a_run("run-other", RunStatus.FAILED, finished_at=ago(300)),
    )
    async with console(engine) as stage:
        await on_levels(stage)
        await stage.press("enter")
        await stage.on(RunsScreen)
        await stage.shows("pack:on-call status:failed,dead_letter ended:<30d")
        await stage.until(lambda: stage.paged("#runs").row_count == 1, "the run that failed")
        assert stage.paged("#runs").cursor_key == "run-bad"


async def test_failed_runs_are_excluded_with_a_reason(console: OpenConsole) -> None:
    ended = ago(300)
    engine = an_engine().add(
        a_run("run-1", RunStatus.FAILED, pack="on-call", finished_at=ended, subject="first"),
        a_run("run-2", RunStatus.DEAD_LETTER, pack="on-call", finished_at=ended, subject="second"),
        a_run("run-3", RunStatus.FAILED, pack="on-call", finished_at=ended, excluded="known"),
        a_run("run-4", RunStatus.FAILED, finished_at=ended),
    )
    async with console(engine) as stage:
        await on_levels(stage)
        await stage.press("x")
        await stage.on(ExcludeDialog)
        await stage.until(lambda: len(stage.table("#failed").rows) == 2, "those that count")
        await stage.press("f2")
        await stage.shows("Say why")
        await stage.press("shift+tab", "space", "space", "tab", *"deploy", "f2")
        await stage.on(SloScreen)
        await stage.until(lambda: len(engine.asked("exclude")) == 2, "both are excluded")
        assert sorted(engine.asked("exclude")) == [("run-1", "deploy", "ben"), ("run-2", "deploy", "ben")]
        assert "2 runs do not count" in stage.notices()


async def test_failed_runs_that_count_are_found_behind_more_that_were_excluded_than_are_listed(
    console: OpenConsole,
) -> None:
    engine = an_engine()
    failed = partial(a_run, status=RunStatus.FAILED, pack="on-call", finished_at=ago(300))
    for number in range(AT_ONCE):
        engine.add(failed(f"run-{number}", created_at=ago(400), excluded="known"))
    for number in range(AT_ONCE + 1):
        engine.add(failed(f"old-{number}", created_at=ago(500)))
    async with console(engine) as stage:
        await on_levels(stage)
        await stage.press("x")
        await stage.on(ExcludeDialog)
        await stage.until(lambda: len(stage.table("#failed").rows) == AT_ONCE, "those that count")
        await stage.shows("These are the newest 200")


async def test_who_excludes_after_somebody_else_is_told_that_the_first_reason_stays(
    console: OpenConsole,
) -> None:
    engine = an_engine().add(
        a_run("run-1", RunStatus.FAILED, pack="on-call", finished_at=ago(300), subject="first")
    )
    async with console(engine) as stage:
        await on_levels(stage)
        await stage.press("x")
        await stage.on(ExcludeDialog)
        await stage.until(lambda: len(stage.table("#failed").rows) == 1, "the one that counts")
        await engine.levels.exclude("run-1", "a deployment", actor=Actor(name="eve", via="cli"))
        await stage.press("tab", *"deploy", "f2")
        await stage.until(lambda: "1 did not count already" in stage.notices())
        assert "1 run does not count" not in stage.notices()
        assert engine.stored_runs["run-1"].excluded == "a deployment"


@pytest.mark.parametrize("burn", [33.3, 100.0, 5_000.0])
@pytest.mark.parametrize("fires", [True, False])
async def test_every_burn_stands_in_a_narrow_line(console: OpenConsole, burn: float, fires: bool) -> None:
    engine = FakeEngine()
    engine.levels.stored = (a_level("on-call", burns=some_burns(*(burn,) * 4, fires=fires)),)
    async with console(engine, size=(80, 24)) as stage:
        await on_levels(stage)
        await stage.shows(
            "3d " + ("5000" if burn > 1_000 else f"{burn:.0f}") + ("/1 TICKET" if fires else "/1 few")
        )


async def test_failed_runs_of_another_tenant_are_listed_where_every_tenant_is_looked_at(
    console: OpenConsole,
) -> None:
    run = a_run("run-1", RunStatus.FAILED, pack="on-call", tenant="acme", finished_at=ago(300))
    engine = FakeEngine().add(run)
    engine.levels.stored = (a_level("on-call", tenant="acme"),)
    async with console(engine) as stage:
        await on_levels(stage)
        await stage.press("*")
        await stage.shows("in every tenant")
        await stage.press("x")
        await stage.on(ExcludeDialog)
        await stage.until(lambda: len(stage.table("#failed").rows) == 1, "the run of the other tenant")


async def test_a_run_that_does_not_count_says_so(console: OpenConsole) -> None:
    error = RunError(code="timeout", message="too long")
    run = a_run(status=RunStatus.FAILED, finished_at=ago(60), error=error, excluded="a deployment")
    async with console(FakeEngine().add(run)) as stage:
        await stage.shows("does not count: a deployment")
        await stage.press("enter")
        await stage.shows("timeout: too long (does not count: a deployment)")


async def test_without_failures_there_is_nothing_to_exclude(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await on_levels(stage)
        await stage.press("j", "j", "x")
        await stage.until(lambda: "No failed run of this pack counts" in stage.notices())


async def test_other_days_are_looked_at(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await on_levels(stage)
        await stage.shows("Each pack over 30 days")
        await stage.press(">")
        await stage.shows("Each pack over 90 days")
        await stage.press(">")
        for words in ("30 days", "7 days", "1 day,"):
            await stage.press("<")
            await stage.shows(f"Each pack over {words}")
        assert stage.engine.asked("levels")[-1] == 1


async def test_a_filter_leaves_what_fits_and_escape_clears_it(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await on_levels(stage)
        await stage.press("/", *"met")
        await stage.shows("1 of 3 packs")
        await stage.until(lambda: levels(stage).row_count == 1)
        await stage.press(*"zz")
        await stage.shows("No pack matches the filter.")
        await stage.press("escape")
        await stage.until(lambda: levels(stage).row_count == 3)


async def test_a_run_that_ends_is_seen_at_once(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await on_levels(stage)
        engine.levels.stored = (a_level("hello", may_fail=2, allowed=3),)
        engine.news("run_completed")
        await stage.shows("2 more may fail of 3")


async def test_without_packs_it_says_how_to_make_one(console: OpenConsole) -> None:
    async with console(FakeEngine()) as stage:
        await stage.press("4")
        await stage.shows("vasini pack new NAME makes one")


async def test_what_cannot_be_read_is_told_and_tried_again(console: OpenConsole) -> None:
    engine = an_engine()
    engine.failures["levels"] = Unavailable(ErrorCode.JOURNAL_LOCKED, "Another process holds the journal.")
    async with console(engine) as stage:
        await stage.press("4")
        await stage.shows("Another process holds the journal. (trying again")


async def test_names_from_outside_are_harmless(console: OpenConsole) -> None:
    engine = FakeEngine()
    why = (FailureCount(code="\x1b]52;c;eA==\x07[red]x[/]", runs=1),)
    engine.levels.stored = (a_level("evil\x1b[2J\u202epack", why=why, goal_from="risk\x1b[0m low"),)
    async with console(engine) as stage:
        await on_levels(stage)
        await stage.shows("[red]x[/]")
        assert not {"\x1b", "\x07", "\u202e"} & set(stage.text())


def test_the_plot_stands_as_high_as_what_is_left() -> None:
    assert budget_plot((None, 1.0, 0.5, 0.25, 0.0, -1.0), 6, 2) == [" █    ", " ██▄  "]
    assert budget_plot((1.0, 0.01), 4, 2) == ["██  ", "██▄▄"]
    assert budget_plot((), 3, 2) == ["   ", "   "]
    assert budget_plot((1.0, 0.0, 1.0), 1, 1) == ["█"]


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_spending_stands_against_the_caps_the_worst_first(
    console: OpenConsole, size: tuple[int, int]
) -> None:
    engine = an_engine()
    spent = SpendSum(calls=9, unpriced=2, cost=12_345_678_901)
    engine.budget.rows = {SpendBy.PACK: (SpendRow(name="strong", sum=spent),)}
    soft = a_cap(spent=8 * 10**9, soft=7 * 10**9, state="soft", runs_out_at=NOW)
    others = (a_cap(scope="run", name="*", window="total"), a_cap(name="other"))
    engine.budget.of_caps = Caps(
        time_zone="UTC", held=10**9, held_calls=3, price_table="2026-11-21", caps=(soft, *others)
    )
    async with console(engine, size=size) as stage:
        await on_levels(stage)
        await stage.shows("$12.35 in 30 days · held now $1.00 in 3 calls · unpriced 2 · prices 2026-11-21")
        await stage.shows("$8.00  $10.00 ██████░░ 14 Mar 09:26 ▲ warned")
        await stage.press("tab", "j")
        await stage.shows("each run")
        await stage.press("G")
        await stage.shows("· no cap")
        assert "$12.35" in stage.text()


async def test_where_nothing_was_spent_and_no_cap_holds_it_says_how_to_set_one(console: OpenConsole) -> None:
    async with console(an_engine(), size=(80, 24)) as stage:
        await on_levels(stage)
        await stage.shows("No model was paid for in these days, and no cap holds.")


async def test_what_was_used_is_told_in_money_in_tokens_and_in_time(console: OpenConsole) -> None:
    engine = an_engine()
    told = SpendSum(calls=9, input_tokens=120_000, cached_tokens=4_000, output_tokens=900, estimated=1)
    engine.budget.rows = {SpendBy.PACK: (SpendRow(name="on-call", sum=told),)}
    async with console(engine, size=(80, 24)) as stage:
        await on_levels(stage)
        await stage.shows("· no cap")
        await stage.press("$")
        await stage.shows("Estimated")
        assert "120k    4000     900 ████████" in stage.text()
        assert "9 calls in 30 days · 120,000 in (4,000 cached), 900 out" in stage.text()
        await stage.press("$")
        await stage.shows("Waiting for people")
        assert "40m      60m █████░░░  60 %" in stage.text()
        await stage.press("$")
        await stage.shows("Runs out on")


async def test_the_packs_of_every_tenant_are_looked_at_by_who_may(console: OpenConsole) -> None:
    engine = FakeEngine()
    engine.levels.stored = (a_level("hello", tenant="acme"), a_level("hello", tenant="default"))
    async with console(engine) as stage:
        await stage.press("4")
        await stage.until(lambda: levels(stage).row_count == 2, "the fake shows all until it is narrowed")
        await stage.press("*")
        await stage.shows("Each pack in every tenant over 30 days")
        await stage.press("enter")
        await stage.until(lambda: "vasini --tenant acme" in stage.notices())
        await stage.press("*")
        await stage.until(lambda: levels(stage).row_count == 1, "its own")


async def test_who_may_not_look_at_every_tenant_is_told_so(console: OpenConsole) -> None:
    engine = an_engine()
    engine.failures["for_"] = Refused(ErrorCode.ROLE_MISSING, "ben is operator of default")
    async with console(engine) as stage:
        await on_levels(stage)
        await stage.press("*")
        await stage.until(lambda: "ben is operator of default" in stage.notices())
        assert "in every tenant" not in stage.text()


async def test_ten_thousand_tenants_cost_a_screenful(console: OpenConsole) -> None:
    engine = FakeEngine()
    engine.levels.stored = tuple(a_level("hello", tenant=f"t-{number}") for number in range(10_000))
    async with console(engine, size=(80, 24)) as stage:
        await on_levels(stage)
        await stage.shows("t-0")
        await stage.until(lambda: not unfinished(stage.app), "everything drawn")
        asked = len(engine.calls)
        await stage.press("G", "k", "ctrl+u")
        await stage.shows("t-9997")
        assert len(levels(stage)._made) < 100, "only rows that were drawn are made"
        assert {name for name, _ in engine.calls[asked:]} <= {"level"}, (
            "keys ask for the one under the cursor"
        )
        await stage.press("/", *"9999")
        await stage.shows("1 of 10,000 packs")


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_what_people_flagged_is_told_and_people_by_role(
    console: OpenConsole, size: tuple[int, int]
) -> None:
    engine = FakeEngine()
    roles = (RoleView(role="approver", asked=30, expired=2, p50_ms=60_000, p95_ms=9_000_000),)
    flagged = HallucinationView(flagged=7, rate=0.07, goal=0.05, kept=False)
    people = PeopleView(asked=30, expired=2, p50_ms=60_000, p95_ms=9_000_000, roles=roles)
    engine.levels.stored = (a_level(hallucination=flagged, people=people),)
    async with console(engine, size=size) as stage:
        await on_levels(stage)
        await stage.shows("Flagged 7 runs, 7 % (goal 5 %)")
        assert ("approver: 30 asked · p50 60.0s, p95 2.5h · 2 expired" in stage.text()) is (size[1] > 24)


async def test_runs_that_agents_doubt_themselves_are_told_beside_the_flagged_ones(
    console: OpenConsole,
) -> None:
    engine = an_engine()
    doubted = HallucinationView(flagged=1, doubtful=2, stated=40, rate=0.03, goal=0.05, kept=True)
    engine.levels.stored = (a_level(hallucination=doubted),)
    async with console(engine) as stage:
        await on_levels(stage)
        await stage.shows("Flagged 1 run + 2 of 40 doubtful, 3 % (goal 5 %)")
