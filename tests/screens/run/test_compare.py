"""Two runs side by side: picking the other one, what differs, wide and narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.listed import RunError
from engine.contracts.status import RunStatus, StepStatus
from screens.compare.dialog import CompareDialog
from screens.compare.diff import Change
from screens.compare.reading import read_compared
from screens.compare.screen import CompareScreen
from screens.overlays.value_screen import ValueScreen
from screens.run.screen import RunScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run, a_step, ago

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


def an_engine() -> FakeEngine:
    error = RunError(code="timeout", message="too slow", step_id="fetch")
    engine = FakeEngine().add(
        a_run("run-1", RunStatus.COMPLETED, input={"name": "Ana", "city": "Rome"}, output={"n": 1}),
        a_run("run-2", RunStatus.FAILED, input={"name": "Bo", "city": "Rome"}, error=error),
        a_run("run-3", flow="other"),
    )
    fetch = a_step("fetch", started_at=ago(100), finished_at=ago(99))
    slow = a_step("fetch", StepStatus.FAILED, started_at=ago(90), finished_at=ago(80), attempt=3)
    engine.stored_steps["run-1"] = (a_step("greet"), fetch)
    engine.stored_steps["run-2"] = (a_step("greet"), slow, a_step("more"))
    return engine


async def at_dialog(stage: Stage) -> None:
    await stage.until(lambda: stage.paged("#runs").row_count == 3)
    await stage.press("j", "j", "d")
    await stage.on(CompareDialog)
    await stage.until(lambda: stage.table("#others").row_count)


@pytest.mark.parametrize("size", [(80, 24), (140, 30)])
async def test_two_runs_show_what_differs(console: OpenConsole, size: tuple[int, int]) -> None:
    async with console(an_engine(), size=size) as stage:
        await at_dialog(stage)
        assert [row.key for row in stage.table("#others").rows] == ["run-2"]
        await stage.press("enter")
        await stage.on(CompareScreen)
        await stage.shows("5 of 7 differ")
        text = stage.text()
        for words in ("≠ differs", "= same", "+ only right", "input.name", '"Bo"', "step fetch", "(+9.00s)"):
            assert words in text, words
        assert ("left:  " in text.partition("differ")[2]) == (size[0] < 100)
        await stage.press("n", "enter")
        await stage.on(ValueScreen)
        await stage.press("escape", "N", "y")
        await stage.on(CompareScreen)
        await stage.until(lambda: "Copied" in stage.notices())
        await stage.resize(220 - size[0], 30)
        await stage.until(lambda: ("left:  " in stage.text().partition("differ")[2]) == (size[0] > 100))


@pytest.mark.parametrize("size", [(80, 24), (140, 30)])
async def test_long_values_that_begin_alike_are_shown_where_they_differ(
    console: OpenConsole, size: tuple[int, int]
) -> None:
    folder = "/srv/data/of/the/shop/that/lies/deep/below/others/"
    engine = FakeEngine().add(
        a_run("run-1", input={"out_dir": f"{folder}morning"}),
        a_run("run-2", input={"out_dir": f"{folder}evening"}),
        a_run("run-3", flow="other"),
    )
    async with console(engine, size=size) as stage:
        await at_dialog(stage)
        await stage.press("enter")
        await stage.on(CompareScreen)
        await stage.shows("input.out_dir")
        assert 'thers/morning"' in stage.text()
        assert 'thers/evening"' in stage.text()
        await stage.resize(250, 30)
        await stage.shows(f"{folder}morning")


async def test_any_run_is_compared_by_its_id(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count == 3)
        await stage.press("d")
        await stage.on(CompareDialog)
        await stage.shows("no other run of this flow")
        await stage.write("run-9")
        await stage.press("enter")
        await stage.until(lambda: "there is no run run-9" in stage.notices())
        assert isinstance(stage.app.screen, CompareDialog)
        await stage.press("backspace")
        await stage.write("3")
        await stage.press("enter")
        await stage.on(CompareScreen)
        await stage.shows("Nothing differs")
        await stage.press("n")
        await stage.until(lambda: "Nothing differs" in stage.notices())


async def test_a_run_compares_from_its_detail_too(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count == 3)
        await stage.press("j", "enter")
        await stage.on(RunScreen)
        await stage.press("d")
        await stage.on(CompareDialog)
        await stage.until(lambda: stage.table("#others").row_count)
        await stage.press("tab", "escape")
        await stage.on(RunScreen)


async def test_a_step_of_both_runs_is_compared_in_full(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_steps["run-1"] = (a_step("greet", input={"a": 1, "b": 2}, output="x"),)
    engine.stored_steps["run-2"] = (
        a_step("greet", input={"a": 1, "b": 3}, output="x"),
        a_step("more", input=7),
    )
    async with console(engine, size=(140, 30)) as stage:
        await at_dialog(stage)
        await stage.press("enter")
        await stage.on(CompareScreen)
        await stage.shows("step more")
        await stage.press("G", "enter")
        await stage.on(ValueScreen)
        await stage.shows("right")
        await stage.press("escape", "k", "enter")
        await stage.shows("1 of 4 differ in step greet")
        await stage.shows("input.b")
        await stage.press("escape")
        await stage.shows("step more")


async def test_two_marked_runs_are_compared_at_once(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count == 3)
        await stage.press("space", "d")
        await stage.until(lambda: "Two marked runs are compared; 1 is marked" in stage.notices())
        await stage.press("space", "d")
        await stage.on(CompareScreen)
        await stage.shows("left:")
        assert "run-2" in stage.text()
        assert "run-3" in stage.text()


async def test_only_the_beginning_of_long_runs_is_compared_and_that_is_said() -> None:
    engine = an_engine()
    left = [a_step(f"each/{number}/read") for number in range(30)]
    right = [*left[5:20], *(a_step(f"more/{number}/read") for number in range(30))]
    engine.stored_steps["run-1"], engine.stored_steps["run-2"] = tuple(left), tuple(right)
    whole, all_of_it = await read_compared(engine.runs, "run-1", "run-2")
    assert (len([thing for thing in whole if thing.step_id]), all_of_it) == (60, True)
    both = {step.step_id for step in left} & {step.step_id for step in right}
    assert {thing.step_id for thing in whole if thing.change is Change.SAME and thing.step_id} == both
    for most in (1, 20, 40, len(whole) - 1):
        found, all_of_it = await read_compared(engine.runs, "run-1", "run-2", most=most, page=7)
        assert (found, all_of_it) == (whole[:most], False)
    assert await read_compared(engine.runs, "run-1", "run-2", most=len(whole), page=7) == (whole, True)


async def test_what_is_not_compared_is_told(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_steps["run-1"] = tuple(a_step(f"each/{number}/read") for number in range(5_100))
    engine.stored_steps["run-2"] = engine.stored_steps["run-1"]
    async with console(engine, size=(140, 30)) as stage:
        await at_dialog(stage)
        await stage.press("enter")
        await stage.on(CompareScreen)
        await stage.shows("of the first 5,000 differ")
        await stage.shows("`vasini show RUN --json` has all of a run")
