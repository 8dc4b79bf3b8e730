"""Texts can be read where they stand, in every theme that names its own colors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.color import Color

from screens.forms.list_screen import FormsScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_form, a_run
from tests.screens.forms.test_form_screens import drawn
from tests.screens.picture import strips
from vasini_tui.console.options import ConsoleOptions
from vasini_tui.console.themes.contrast import LEAST, contrast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import App

    from tests.screens.conftest import OpenConsole

SCHEMA = {
    "type": "object",
    "properties": {
        "level": {"type": "string", "enum": ["low", "high"], "description": "How urgent."},
        "name": {"type": "string", "default": "Ana"},
        "loud": {"type": "boolean"},
    },
}


def hard_to_read(app: App[int]) -> Iterator[str]:
    """Words with too little contrast in the part that has the focus."""
    assert app.focused is not None
    here = app.focused.region
    for line in strips(app)[slice(*here.line_span)]:
        for text, style, _ in line.crop(here.x, here.right):
            colors = (style.color, style.bgcolor) if style is not None else (None, None)
            pair = [color.get_truecolor().hex for color in colors if color is not None]
            if len(pair) == 2 and any(map(str.isalnum, text)) and contrast(*pair) < LEAST:
                yield f"{text.strip()} {' on '.join(pair)}: {contrast(*pair):.1f}"


def words_on(app: App[int], ground: str) -> str:
    """What stands on this color of the terminal, in the part that has the focus."""
    assert app.focused is not None
    lines = strips(app)[slice(*app.focused.region.line_span)]
    segments = ((text, style.bgcolor) for line in lines for text, style, _ in line if style is not None)
    return " ".join(text for text, color in segments if color == Color.parse(ground))


@pytest.mark.parametrize(("theme", "ground"), [("ansi-dark", "color(7)"), ("ansi-light", "color(0)")])
async def test_where_the_terminal_has_the_colors_a_choice_and_a_selection_are_seen(
    console: OpenConsole, theme: str, ground: str
) -> None:
    engine = FakeEngine().add(a_run(), a_form(schema=SCHEMA, defaults={}))
    options = ConsoleOptions(bell=False, theme=theme)
    async with console(engine, size=(80, 24), options=options) as stage:
        await stage.press("3")
        await stage.on(FormsScreen)
        await stage.press("enter")
        await drawn(stage)
        await stage.press("enter", "down")
        await stage.until(lambda: "low" in words_on(stage.app, ground), "the option")
        await stage.press("escape", "tab")
        await stage.until(lambda: "Ana" in words_on(stage.app, ground), "the selection")


async def test_what_has_the_focus_can_be_read_in_every_theme(console: OpenConsole) -> None:
    options = ConsoleOptions(bell=False)
    themes = [options.themes.load(choice.name) for choice in options.themes.choices()]
    engine = FakeEngine().add(a_run(), a_form(schema=SCHEMA, defaults={}))
    faults: dict[str, list[str]] = {}
    async with console(engine, size=(80, 24), options=options) as stage:
        await stage.press("3")
        await stage.on(FormsScreen)
        await stage.press("enter")
        await drawn(stage)
        for keys in (("enter",), ("down", "escape"), ("tab",), ("tab",), ("ctrl+p",)):
            await stage.press(*keys)
            for theme in (one for one in themes if not one.ansi):
                stage.app.register_theme(theme)
                stage.app.theme = theme.name
                await stage.settle()
                if found := list(hard_to_read(stage.app)):
                    faults.setdefault(theme.name, []).extend(found)
    assert not faults
