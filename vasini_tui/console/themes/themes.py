"""Looks of the console: shipped themes, the operator's and Textual's own, and the style sheets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml
from textual.theme import BUILTIN_THEMES, Theme

from screens.overlays.theme_choice import ThemeChoice
from vasini_tui.console.themes.contrast import BACKGROUNDS, LEAST, contrast, legible, mixed
from vasini_tui.console.themes.own_themes import OwnThemes, read_own_themes
from vasini_tui.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFAULT_THEME = "vasini-dark"
THEMES = (DEFAULT_THEME, "vasini-light", "high-contrast")
STYLES = ("shell", "runs", "run_detail", "approvals", "forms", "packs", "slo", "dialogs")

TONES = ("quiet", "good", "busy", "waiting", "bad", "key")
"""Colors of texts, beside `foreground`."""

_ANSI = {
    True: {
        "quiet": "ansi_white",
        "good": "ansi_bright_green",
        "busy": "ansi_bright_cyan",
        "waiting": "ansi_bright_yellow",
        "bad": "ansi_bright_red",
        "key": "ansi_bright_cyan",
        "cursor": "ansi_blue",
        "cursor-blurred": "ansi_bright_black",
    },
    False: {
        "quiet": "ansi_bright_black",
        "good": "ansi_green",
        "busy": "ansi_blue",
        "waiting": "ansi_magenta",
        "bad": "ansi_red",
        "key": "ansi_blue",
        "cursor": "ansi_white",
        "cursor-blurred": "ansi_white",
    },
}
"""Of themes that leave the colors to the terminal, by whether they are dark."""


@dataclass(frozen=True, slots=True)
class Themes:
    """Every theme there is: shipped ones, those of the operator, then Textual's own."""

    own: OwnThemes = field(default_factory=OwnThemes)

    def choices(self) -> tuple[ThemeChoice, ...]:
        """All of them, for the picker."""
        shipped = (ThemeChoice(name, "shipped", dark=name != "vasini-light") for name in THEMES)
        own = (ThemeChoice(name, "own", dark=file.dark) for name, file in self.own.themes.items())
        textual = (ThemeChoice(name, "Textual", dark=theme.dark) for name, theme in BUILTIN_THEMES.items())
        return (*shipped, *own, *textual)

    def load(self, name: str) -> Theme:
        """One of them, with every variable our screens use. Raises KeyError when there is none."""
        if name in self.own.themes:
            file = self.own.themes[name]
            colors: dict[str, Any] = {**file.colors(), "dark": file.dark, "variables": file.own_variables()}
            return replace(_completed(Theme(name=name, **colors)), foreground=file.foreground)
        return load_theme(name) if name in THEMES else _completed(BUILTIN_THEMES[name])

    def hard_to_read(self) -> Iterator[tuple[str, str]]:
        """Names of own themes with what is hard to read in each: of a text the worst of what it stands on,
        which may be made of the colors that the file names."""
        for name in self.own.themes:
            colors = variables_of(self.load(name))
            for text in ("foreground", *TONES):
                found, ground = min((contrast(colors[text], colors[one]), one) for one in BACKGROUNDS)
                if found < LEAST:
                    yield name, f"{text} on {ground} is hard to read: contrast {found:.1f}, at least {LEAST}"


_variables: dict[str, tuple[Theme, dict[str, str]]] = {}


def themes_folder() -> Path:
    """The folder beside the installed package; the working directory cannot shadow it."""
    return SHIPPED / "themes"


def style_paths() -> list[Path]:
    """The style sheets of the screens."""
    return [themes_folder() / f"{name}.tcss" for name in STYLES]


def find_themes(own_folder: Path) -> Themes:
    """The themes there are when the operator's stand in this folder. Raises nothing."""
    return Themes(read_own_themes(own_folder, frozenset((*THEMES, *BUILTIN_THEMES))))


@cache
def load_theme(name: str) -> Theme:
    """One shipped theme. Raises KeyError for a name that is not in `THEMES`."""
    if name not in THEMES:
        raise KeyError(name)
    data: dict[str, Any] = yaml.safe_load((themes_folder() / f"{name}.yaml").read_text("utf-8"))
    return Theme(name=name, **data)


def variables_of(theme: Theme) -> dict[str, str]:
    """What style sheets may name of a theme; made once for each, for Textual asks whenever a view opens."""
    of, variables = _variables.get(theme.name, (None, {}))
    if of is not theme:
        variables = {**theme.to_color_system().generate(), **theme.variables}
        chosen = variables["foreground"], variables["background"]
        if theme.ansi:  # which of both the terminal has for these is not known
            chosen = ("ansi_white", "ansi_black") if theme.dark else ("ansi_black", "ansi_white")
        variables |= {"chosen": chosen[0], "on-chosen": chosen[1]}
        _variables[theme.name] = theme, variables
    return variables


def _completed(theme: Theme) -> Theme:
    """With the variables of our screens: what the theme has not is made of its colors, and can be read."""
    if theme.ansi:
        return replace(theme, variables={**_ANSI[theme.dark], **theme.variables})
    colors = {name: color.lower() for name, color in theme.to_color_system().generate().items()}
    background, foreground, primary = (colors[name] for name in ("background", "foreground", "primary"))
    cursors = {
        "cursor": mixed(background, primary, 0.25),
        "cursor-blurred": mixed(background, primary, 0.12),
    }
    grounds = {name: (colors | cursors | theme.variables)[name] for name in BACKGROUNDS}
    tones = {
        "quiet": mixed(foreground, background, 0.3),
        "good": colors["success"],
        "busy": colors["secondary"],
        "waiting": colors["warning"],
        "bad": colors["error"],
        "key": primary,
    }
    read = {name: legible(color, *grounds.values(), dark=theme.dark) for name, color in tones.items()}
    return replace(
        theme,
        foreground=legible(foreground, *grounds.values(), dark=theme.dark),
        variables={**cursors, **read, **theme.variables},
    )
