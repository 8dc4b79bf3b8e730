"""Themes switched live: shown while the cursor is on them, kept with Enter, put back with Esc."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, VasiniError
from screens.overlays.theme_picker import ThemePicker
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run, an_approval
from vasini_tui.console.options import ConsoleOptions
from vasini_tui.console.themes.own_themes import OwnThemes
from vasini_tui.console.themes.themes import Themes
from vasini_tui.settings.config_content import config_invalid

if TYPE_CHECKING:
    from pathlib import Path

    from tests.screens.conftest import OpenConsole, Stage


async def picker(stage: Stage) -> None:
    await stage.shows("● running")
    await stage.press("ctrl+t")
    await stage.on(ThemePicker)
    await stage.until(lambda: stage.table("#themes").cursor_key == stage.app.theme)


async def test_the_theme_under_the_cursor_is_shown_and_esc_goes_back(
    console: OpenConsole,
) -> None:
    async with console(FakeEngine().add(a_run())) as stage:
        await picker(stage)
        await stage.press("j")
        await stage.until(lambda: stage.app.theme == "vasini-light")
        await stage.press("G")
        await stage.until(lambda: stage.app.theme == "ansi-light")
        await stage.press("escape")
        await stage.until(lambda: not isinstance(stage.app.screen, ThemePicker))
        assert stage.app.theme == "vasini-dark"


async def test_enter_keeps_the_theme_for_every_screen(console: OpenConsole) -> None:
    async with console(FakeEngine().add(a_run(), an_approval(run_id="other"))) as stage:
        await picker(stage)
        await stage.press("j")
        await stage.until(lambda: stage.app.theme == "vasini-light")
        await stage.press("enter")
        await stage.until(lambda: not isinstance(stage.app.screen, ThemePicker))
        await stage.press("2")
        await stage.shows("What exactly will happen")
        assert stage.app.theme == "vasini-light"
        assert stage.app.screen.styles.background.hex.lower() == "#fafbfd"


@pytest.mark.parametrize("theme", ["ansi-dark", "nord", "textual-light", "high-contrast"])
async def test_any_theme_can_be_the_first(console: OpenConsole, theme: str) -> None:
    async with console(FakeEngine().add(a_run()), theme=theme) as stage:
        await stage.shows("● running")
        assert stage.app.theme == theme


async def test_an_own_theme_that_cannot_be_used_is_told_and_another_is_shown(
    console: OpenConsole, tmp_path: Path
) -> None:
    problem = config_invalid(tmp_path / "mine.yaml", "is not [b]YAML[/b]")
    options = ConsoleOptions(theme="mine", bell=False, themes=Themes(OwnThemes(problems={"mine": problem})))
    async with console(options=options) as stage:
        await stage.until(lambda: "mine.yaml: is not [b]YAML[/b]. Showing vasini-dark." in stage.notices())
        assert stage.app.theme == "vasini-dark"


def test_a_name_that_is_no_theme_is_a_fault_of_the_settings() -> None:
    error = ConsoleOptions(theme="nrod").fault()
    assert isinstance(error, VasiniError)
    assert error.code is ErrorCode.CONFIG_INVALID
    assert "nord" in error.message
