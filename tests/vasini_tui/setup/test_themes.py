"""Themes: every text can be read on every background, and own themes never stop the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color, ColorSystem
from textual.theme import BUILTIN_THEMES

from screens.widgets.status_labels import REQUEST_LABELS, RISK_LABELS, RUN_LABELS, STEP_LABELS, STYLES, Tone
from vasini_tui.console.themes.contrast import BACKGROUNDS, LEAST, contrast, legible, mixed
from vasini_tui.console.themes.own_themes import read_own_themes
from vasini_tui.console.themes.themes import THEMES, TONES, Themes, find_themes
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.vasini_tui.conftest import Vasini

OWN = """\
dark: true
primary: '#7aa2f7'
foreground: '#ddd'
background: '#101014'
"""
HEX = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
NAMES = [choice.name for choice in Themes().choices() if not choice.name.startswith("ansi-")]


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def colors_of(themes: Themes, name: str) -> dict[str, str]:
    theme = themes.load(name)
    return {**theme.to_color_system().generate(), **theme.variables}


def test_the_ratio_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)
    assert mixed("#000000", "#ffffff", 0.5) == "#808080"


@given(
    HEX,
    st.lists(st.integers(0, 90).map(lambda part: f"#{part:02x}{part:02x}{part:02x}"), min_size=1, max_size=4),
)
def test_a_legible_color_can_be_read_on_every_dark_background(color: str, grounds: list[str]) -> None:
    found = legible(color, *grounds, dark=True)
    assert all(contrast(found, ground) >= LEAST for ground in grounds)


@pytest.mark.parametrize("name", NAMES)
def test_every_text_of_every_theme_can_be_read_on_every_background(name: str) -> None:
    colors = colors_of(Themes(), name)
    low = {
        (tone, ground): round(contrast(colors[tone], colors[ground]), 2)
        for tone in ("foreground", *TONES)
        for ground in BACKGROUNDS
        if contrast(colors[tone], colors[ground]) < LEAST
    }
    assert not low


@pytest.mark.parametrize("name", THEMES)
def test_with_sixteen_colors_no_text_falls_on_its_own_color(name: str) -> None:
    colors = {
        key: Color.parse(value).downgrade(ColorSystem.STANDARD)
        for key, value in colors_of(Themes(), name).items()
        if key in {"foreground", *TONES, *BACKGROUNDS}
    }
    for tone in ("foreground", *TONES):
        assert colors[tone].number not in {colors[ground].number for ground in BACKGROUNDS}


def test_every_theme_of_textual_is_there_with_our_variables() -> None:
    themes = Themes()
    assert {choice.name for choice in themes.choices()} == {*THEMES, *BUILTIN_THEMES}
    for choice in themes.choices():
        assert {*TONES, "cursor", "cursor-blurred"} <= set(themes.load(choice.name).variables)
        assert themes.load(choice.name).dark is choice.dark


def test_every_status_has_a_word_and_a_symbol_of_its_own_tone() -> None:
    for marks in (RUN_LABELS, STEP_LABELS, REQUEST_LABELS, RISK_LABELS):
        words = [mark.word for mark in marks.values()]
        assert len(set(words)) == len(words)
        assert all(mark.symbol.strip() and len(mark.symbol) == 1 for mark in marks.values())
    assert set(STYLES) == set(Tone)


def test_an_own_theme_is_completed_so_that_it_can_be_read(home: Path) -> None:
    write(home / "themes", "dusk", OWN)
    themes = find_themes(home / "themes")
    assert [choice.name for choice in themes.choices() if choice.origin == "own"] == ["dusk"]
    colors = colors_of(themes, "dusk")
    assert (colors["background"].lower(), themes.load("dusk").foreground) == ("#101014", "#ddd")
    assert all(contrast(colors[tone], colors[ground]) >= LEAST for tone in TONES for ground in BACKGROUNDS)


def test_what_an_own_theme_says_is_kept_and_what_is_hard_to_read_is_told(home: Path) -> None:
    write(home / "themes", "murk", OWN + "variables:\n  quiet: '#333333'\n")
    themes = find_themes(home / "themes")
    assert themes.load("murk").variables["quiet"] == "#333333"
    assert dict(themes.hard_to_read()) == {
        "murk": "quiet on panel is hard to read: contrast 1.0, at least 4.5"
    }


def test_a_text_that_is_hard_to_read_only_on_a_made_color_is_told(home: Path) -> None:
    colors = "dark: true\nprimary: '#c0caf5'\nforeground: '#8a8a8a'\nbackground: '#101014'\n"
    write(home / "themes", "dim", colors)
    found = find_themes(home / "themes").hard_to_read()
    assert list(found) == [("dim", "foreground on cursor is hard to read: contrast 3.1, at least 4.5")]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "a",
            "dark: true\nprimary: red\nforeground: '#fff'\nbackground: '#000'\n",
            ":2: primary: is not a color",
        ),
        ("a", OWN + "shadow: '#000'\n", ":5: shadow: unknown key; known here are dark"),
        (
            "a",
            OWN + "variables:\n  cursr: '#000'\n",
            ":6: variables.cursr: unknown key; known here are quiet",
        ),
        ("a", "dark: true\n", "primary: Field required"),
        ("a", "dark: [\n", "not valid YAML"),
        ("a", "- a\n", "must be a mapping"),
        ("a", OWN + "dark: false\n", "a second time"),
        ("a", "dark: !!python/object/apply:os.system [id]\n", "tags are not allowed"),
        ("a", "", "Field required"),
        ("nord", OWN, "a theme of this name already"),
        ("vasini-dark", OWN, "a theme of this name already"),
        ("My Theme", OWN, "lower-case letters"),
    ],
)
def test_a_faulty_theme_is_told_with_file_and_line(home: Path, name: str, text: str, words: str) -> None:
    path = write(home / "themes", name, text)
    themes = find_themes(home / "themes")
    assert not themes.own.themes
    assert themes.own.problems[name].message.startswith(str(path))
    assert words in themes.own.problems[name].message


def test_a_folder_that_is_none_and_one_with_too_many_files_stop_nothing(tmp_path: Path) -> None:
    assert not read_own_themes(tmp_path / "none", frozenset()).problems
    (tmp_path / "file").write_text("x")
    assert not read_own_themes(tmp_path / "file", frozenset()).themes
    for number in range(101):
        write(tmp_path / "many", f"t{number}", OWN)
    many = read_own_themes(tmp_path / "many", frozenset())
    assert (len(many.themes), many.left_out) == (100, 1)


def test_doctor_warns_of_themes_and_still_ends_well(vasini: Vasini, home: Path) -> None:
    bad = write(home / "themes", "bad", "dark: maybe\n")
    murk = write(home / "themes", "murk", OWN + "variables: {key: '#111111'}\n")
    outcome = vasini("doctor", "--json")
    assert outcome.status == ExitCode.OK
    warnings = outcome.document["warnings"]
    assert any(warning.startswith(f"{bad}:1: dark: ") for warning in warnings)
    assert any(warning.startswith(f"{murk}: key on") for warning in warnings)
    assert outcome.document["places"]["themes"] == str(home / "themes")
