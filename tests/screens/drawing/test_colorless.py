"""With NO_COLOR nothing has a color, and what has the focus is still seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from screens.overlays.help_screen import HelpScreen
from screens.overlays.palette import PaletteScreen
from screens.widgets.status_labels import RUN_LABELS
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_form, a_run, an_approval

if TYPE_CHECKING:
    from rich.segment import Segment

    from tests.screens.conftest import OpenConsole, Stage

SCHEMA = {"type": "object", "properties": {"public": {"type": "boolean"}, "word": {"type": "string"}}}


@pytest.fixture(autouse=True)
def no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def drawn(stage: Stage) -> list[list[Segment]]:
    strips = stage.app.screen._compositor.render_strips(stage.app.size)
    return [list(strip) for strip in strips]


def line_with(stage: Stage, words: str) -> list[Segment]:
    return next(line for line in drawn(stage) if words in "".join(segment.text for segment in line))


def reversed_text(line: list[Segment]) -> str:
    return "".join(segment.text for segment in line if segment.style and segment.style.reverse)


def assert_colorless(stage: Stage) -> None:
    for line in drawn(stage):
        for segment in line:
            if segment.style is not None:
                assert segment.style.color is None or segment.style.color.is_default
                assert segment.style.bgcolor is None or segment.style.bgcolor.is_default


async def test_lists_mark_their_cursor_and_every_status_its_word(console: OpenConsole) -> None:
    engine = FakeEngine().add(*(a_run(f"run-{status}", status) for status in RUN_LABELS))
    async with console(engine, size=(120, 40)) as stage:
        await stage.shows("● running")
        for mark in RUN_LABELS.values():
            assert mark.text in stage.text()
        assert_colorless(stage)
        cursor = line_with(stage, "▌")
        assert "hello/hello" in reversed_text(cursor)


async def test_fields_and_choices_show_the_focus(console: OpenConsole) -> None:
    async with console(FakeEngine().add(a_run(), a_form("f", SCHEMA))) as stage:
        await stage.shows("● running")
        await stage.press("3")
        await stage.shows("▌")
        await stage.press("enter")
        await stage.shows("[ ] yes")
        await stage.until(lambda: "[ ] yes" in reversed_text(line_with(stage, "[ ] yes")))
        assert_colorless(stage)
        await stage.press("tab")
        await stage.until(lambda: not reversed_text(line_with(stage, "[ ] yes")))
        await stage.write("ada")
        await stage.until(lambda: reversed_text(line_with(stage, "ada")) == " ")


async def test_a_proposal_that_the_first_letter_replaces_is_seen_to_be_selected(console: OpenConsole) -> None:
    schema = {"type": "object", "properties": {"word": {"type": "string", "default": "Ada"}}}
    async with console(FakeEngine().add(a_run(), a_form("f", schema, defaults={}))) as stage:
        await stage.press("3")
        await stage.shows("▌")
        await stage.press("enter")
        await stage.until(lambda: "Ada" in reversed_text(line_with(stage, "Ada")), "the selection")


@pytest.mark.parametrize(("key", "screen"), [("?", HelpScreen), (":", PaletteScreen)])
async def test_dialogs_have_a_frame(
    console: OpenConsole, key: str, screen: type[HelpScreen | PaletteScreen]
) -> None:
    async with console(FakeEngine().add(a_run(), an_approval())) as stage:
        await stage.shows("● running")
        await stage.press(key)
        await stage.on(screen)
        await stage.shows("╭")
        assert_colorless(stage)
