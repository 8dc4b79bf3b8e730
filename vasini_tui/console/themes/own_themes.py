"""The operator's own themes: what is in their folder, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import VasiniError
from vasini_tui.settings.config_content import config_invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Set
    from pathlib import Path

    from vasini_tui.console.themes.theme_files import ThemeFile

MOST_FILES = 100


@dataclass(frozen=True, slots=True)
class OwnThemes:
    """Themes by name, what is wrong with others by name, and how many files were not read: too many."""

    themes: Mapping[str, ThemeFile] = field(default_factory=dict)
    problems: Mapping[str, VasiniError] = field(default_factory=dict)
    left_out: int = 0


def read_own_themes(folder: Path, taken: Set[str]) -> OwnThemes:
    """Every `*.yaml` of the folder, which need not be there; a name in `taken` is refused. Raises nothing."""
    themes: dict[str, ThemeFile] = {}
    problems: dict[str, VasiniError] = {}
    try:
        found = sorted(folder.glob("*.yaml"))
    except OSError as error:
        return OwnThemes(problems={"": config_invalid(folder, f"cannot be read: {error.strerror}")})
    for path in found[:MOST_FILES]:
        from vasini_tui.console.themes.theme_files import read_theme  # noqa: PLC0415 - few have any

        try:
            themes[path.stem] = read_theme(path, taken)
        except VasiniError as error:
            problems[path.stem] = error
    return OwnThemes(themes, problems, left_out=max(0, len(found) - MOST_FILES))
