"""Texts that change while the screen is laid out have the height of what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.app import App

from engine.safe_text import sanitize
from screens.approvals.styled_lines import Ink, StyledLines
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Texts(App[None]):
    CSS = "Plain { height: auto; }"

    def compose(self) -> ComposeResult:
        yield Plain()
        yield StyledLines(classes="")

    def get_css_variables(self) -> dict[str, str]:
        return {**super().get_css_variables(), "quiet": "gray", "good": "green", "bad": "red"}


class LittleRoom(Texts):
    CSS = "Plain { height: auto; max-height: 2; width: 13; }"


def lay_out(app: App[None]) -> None:
    """As when the terminal is resized just now."""
    app.screen._refresh_layout()


async def test_what_changes_again_before_it_was_drawn_is_shown_whole() -> None:
    app = Texts()
    async with app.run_test() as pilot:
        plain, lines = app.query_one(Plain), app.query_one(StyledLines)
        plain.show(sanitize("one"))
        lines.show([(sanitize("one"), Ink.PLAIN)])
        app.screen._clear_arrangement_cache()
        lay_out(app)
        plain.show(sanitize("one\ntwo\nthree", multiline=True))
        lines.show([(sanitize(word), Ink.PLAIN) for word in ("one", "two")])
        await pilot.pause()
        await pilot.pause()
        assert (plain.size.height, lines.size.height) == (3, 2)


@pytest.mark.parametrize(
    ("words", "last"),
    [
        ("one two three four five six", "four five six"),
        ("one two three four five six seven", "four five si…"),
        ("a very long line, then alongwordthatfillsit and more of it", "line, then…"),
        ("表表表表表表 表表表表表表 表表表", "表表表表表表…"),
        ("one two", "one two"),
        ("one\ntwo", "two"),
    ],
)
async def test_what_does_not_fit_into_its_most_lines_ends_in_a_sign(words: str, last: str) -> None:
    app = LittleRoom()
    async with app.run_test() as pilot:
        plain = app.query_one(Plain)
        plain.show(sanitize(words, multiline=True))
        await pilot.pause()
        await pilot.pause()
        line = plain.render_line(plain.size.height - 1)
        assert line.text.rstrip() == last
