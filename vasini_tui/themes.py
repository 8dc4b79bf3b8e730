"""Colors and layout of the console, read from the installed `themes` folder."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from textual.theme import Theme

THEMES = ("vasini-dark", "vasini-light", "high-contrast")
STYLES = ("shell", "runs", "run_detail", "approvals", "forms", "dialogs")


def themes_folder() -> Path:
    """The folder beside the installed package; the working directory cannot shadow it."""
    return Path(str(files("vasini_tui"))).parent / "themes"


def style_paths() -> list[Path]:
    """The style sheets of the screens."""
    return [themes_folder() / f"{name}.tcss" for name in STYLES]


def load_theme(name: str) -> Theme:
    """One shipped theme. Raises KeyError for a name that is not in `THEMES`."""
    if name not in THEMES:
        raise KeyError(name)
    data: dict[str, Any] = yaml.safe_load((themes_folder() / f"{name}.yaml").read_text("utf-8"))
    return Theme(name=name, **data)
