"""Runs of subflows are folded under what started them; what failed lately is counted until it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.runs.listed import RunFilter, RunSort
from engine.contracts.status import RunStatus
from screens.approvals.screen import ApprovalsScreen
from screens.run.screen import RunScreen
from screens.runs.folding import Unfolded
from screens.runs.screen import RunsScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run, ago

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


def keys_of(stage: Stage) -> list[str]:
    return [row.key for row in stage.paged("#runs").visible_rows]


def a_family() -> FakeEngine:
    """run-3 started run-31 and run-32, which started run-321."""
    return FakeEngine().add(
        *(a_run(f"run-{number}", created_at=ago(100 - number)) for number in (1, 3, 5)),
        a_run("run-31", created_at=ago(90), parent_run_id="run-3", flow="below"),
        a_run("run-32", created_at=ago(80), parent_run_id="run-3", flow="below"),
        a_run("run-321", created_at=ago(70), parent_run_id="run-32", flow="deepest"),
    )


ROOTS = ["run-5", "run-3", "run-1"]
OPEN = ["run-5", "run-3", "run-31", "run-32", "run-1"]


async def test_children_are_folded_under_their_run_and_a_key_unfolds_them(console: OpenConsole) -> None:
    async with console(a_family()) as stage:
        await stage.until(lambda: keys_of(stage) == ROOTS)
        await stage.shows("▸2 hello/hello")
        await stage.press("j", "right")
        await stage.until(lambda: keys_of(stage) == OPEN)
        await stage.shows("▾2 hello/hello")
        await stage.shows("↳ ▸1 hello/below")
        assert stage.paged("#runs").cursor_key == "run-3"
        await stage.press("j", "j", "right")
        await stage.until(lambda: keys_of(stage) == [*OPEN[:4], "run-321", "run-1"])
        await stage.shows("  ↳ hello/deepest")
        await stage.press("j", "left")
        await stage.until(lambda: keys_of(stage) == OPEN)
        await stage.until(lambda: stage.paged("#runs").cursor_key == "run-32")
        await stage.press("left")
        await stage.until(lambda: keys_of(stage) == ROOTS)
        await stage.until(lambda: stage.paged("#runs").cursor_key == "run-3")


async def test_a_filter_finds_a_run_of_a_subflow_by_itself(console: OpenConsole) -> None:
    async with console(a_family()) as stage:
        await stage.until(lambda: keys_of(stage) == ROOTS)
        await stage.press("/")
        await stage.write("deepest")
        await stage.until(lambda: keys_of(stage) == ["run-321"])
        await stage.shows("↳ hello/deepest")
        await stage.press("enter", "right")
        await stage.until(lambda: "A filter finds every run by itself" in stage.notices())
        await stage.press("escape")
        await stage.until(lambda: keys_of(stage) == [*OPEN[:4], "run-321", "run-1"])
        assert stage.paged("#runs").cursor_key == "run-321"


async def test_the_cursor_stays_on_its_run_when_others_come_above_what_is_unfolded(
    console: OpenConsole,
) -> None:
    engine = a_family()
    async with console(engine) as stage:
        await stage.until(lambda: keys_of(stage) == ROOTS)
        await stage.press("j", "right")
        await stage.until(lambda: keys_of(stage) == OPEN)
        await stage.press("j", "j")
        engine.add(a_run("run-9", created_at=ago(1)))
        engine.news("run_created", "run-9")
        await stage.until(lambda: keys_of(stage) == ["run-9", *OPEN])
        assert stage.paged("#runs").cursor_key == "run-32"


async def test_every_row_of_an_unfolded_list_is_read_once_wherever_a_page_begins() -> None:
    engine = a_family()
    for open_ in (set(), {"run-3"}, {"run-3", "run-32"}, {"run-32"}, {"run-1", "run-3"}):
        unfolded = Unfolded(engine.runs, RunFilter(nested=False), RunSort.NEWEST, set(open_))
        await unfolded.look()
        length = len(ROOTS) + unfolded.length

        def rows(start: int, stop: int, unfolded: Unfolded = unfolded) -> list[str]:
            found: list[str] = []
            for piece in unfolded.pieces(start, stop):
                if isinstance(piece, range):
                    found += [ROOTS[place] for place in piece]
                else:
                    found += [nested.run.run_id for nested in piece]
            return found

        whole = rows(0, length)
        assert len(set(whole)) == length
        for start in range(length):
            assert rows(start, length) == whole[start:]
            assert rows(start, start + 1) == [whole[start]]
        for place, run_id in enumerate(whole):
            below = unfolded.row_below(run_id)
            assert (unfolded.row_of(ROOTS.index(run_id)) if below is None else below) == place


def failures() -> FakeEngine:
    return FakeEngine().add(
        a_run("run-1", RunStatus.FAILED, finished_at=ago(90_000)),
        a_run("run-2", RunStatus.FAILED, finished_at=ago(80_000)),
        a_run("run-3", RunStatus.DEAD_LETTER, finished_at=ago(60)),
        a_run("run-4", RunStatus.COMPLETED, finished_at=ago(60)),
    )


async def test_what_failed_within_the_last_day_is_one_key_away_from_any_screen(console: OpenConsole) -> None:
    async with console(failures()) as stage:
        await stage.shows("✗ 2 failed")
        await stage.press("2", "f")
        await stage.on(RunsScreen)
        await stage.until(lambda: keys_of(stage) == ["run-3", "run-2"])
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.press("f")
        await stage.on(RunsScreen)
        await stage.press("escape")
        await stage.on(ApprovalsScreen)
        await stage.press("1")
        await stage.on(RunsScreen)
        await stage.until(lambda: len(keys_of(stage)) == 4)


async def test_acknowledged_failures_are_not_counted_again_and_new_ones_are(console: OpenConsole) -> None:
    engine = failures()
    async with console(engine) as stage:
        await stage.shows("✗ 2 failed")
        await stage.press("K")
        await stage.shows("✗ 0 failed")
        await stage.until(lambda: "2 failed runs are acknowledged; f shows them" in stage.notices())
        await stage.press("K")
        await stage.until(lambda: "No run failed within the last day" in stage.notices())
    async with console(engine) as stage:
        await stage.shows("✗ 0 failed")
        engine.add(a_run("run-5", RunStatus.FAILED, finished_at=ago(-1)))
        engine.news("run_failed", "run-5")
        await stage.shows("✗ 1 failed")
