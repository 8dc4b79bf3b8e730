"""A pane of a pack in which there is nothing says so, and what would be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.engine import FakeEngine
from tests.fakes.packs import a_detail, a_version
from tests.fakes.views import a_pack
from tests.screens.packs.levels import SOME_LEVELS
from tests.screens.packs.test_packs_screens import a_diff, an_engine, on_pack

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=str)
async def test_a_pane_in_which_there_is_nothing_says_so_and_what_would_be_there(
    console: OpenConsole, size: tuple[int, int]
) -> None:
    engine = an_engine()
    engine.packs.details["hello"] = a_detail(a_pack())
    async with console(engine, size=size) as stage:
        await on_pack(stage)
        await stage.press("]", "]")
        for words, would_be in (
            ("No flow can be started.", "stands as a tree of its steps"),
            ("No problems.", "a mistake in a file stands"),
            ("Nothing to compare yet", "published version against now"),
            ("No tools.py", "its code is read"),
        ):
            await stage.shows(words)
            told = " ".join(stage.plain("#nothing").split())
            assert would_be in told
            assert told.split()[-1] in stage.text(), "to its end"
            await stage.press("]")
        await stage.until(lambda: not stage.app.screen.query_one("#nothing").display, "the overview")


async def test_two_contents_that_are_the_same_are_told_to_be(console: OpenConsole) -> None:
    engine = an_engine()
    engine.packs.details["hello"] = a_detail(a_pack(), versions=(a_version(),))
    same = a_diff().model_copy(update={"layers": (), "files": ()})
    engine.packs.diffs["hello@1.0.0", "hello"] = same
    async with console(engine, size=(80, 24)) as stage:
        await on_pack(stage, "d")
        await stage.shows("Nothing differs")
        await stage.shows("published 1.0.0 → now · 1 of 1")


async def test_what_a_pack_without_runs_says_is_whole_on_the_least_screen(console: OpenConsole) -> None:
    engine = FakeEngine()
    engine.levels.stored = SOME_LEVELS
    async with console(engine, size=(60, 20)) as stage:
        await stage.press("4")
        await stage.until(lambda: "too many failed" in stage.plain("#level"), "the worst one")
        await stage.press("G")
        await stage.until(lambda: "starts a run." in stage.plain("#level"), "the whole of the text")
        lines = stage.plain("#level").splitlines()
        assert max(map(len, lines)) < 60
        assert len(lines) <= 8
