"""What the console is given: what an operator sets for it, and what it works with."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, VasiniError
from screens.keys.keymap import Keymap
from vasini_tui.console.themes.themes import DEFAULT_THEME, Themes

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine, Worker


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """What an operator sets for the console. `grace_ms`: how long new content guards decision keys.

    `label` stands beside the name, where the console shows something other than the operator's runs.
    """

    theme: str = DEFAULT_THEME
    grace_ms: int = 300
    bell: bool = True
    time_zone: str = "UTC"
    keymap: Keymap = field(default_factory=Keymap)
    label: str = ""
    themes: Themes = field(default_factory=Themes)

    def fault(self) -> VasiniError | None:
        """Why the console cannot open with these: a theme that there is not, faulty own ones apart."""
        known = [*(choice.name for choice in self.themes.choices()), *self.themes.own.problems]
        if self.theme in known:
            return None
        message = f"console.theme: there is no theme {self.theme!r}; known are {', '.join(known)}"
        return VasiniError(ErrorCode.CONFIG_INVALID, message)


@dataclass(frozen=True, slots=True)
class Workplace:
    """What the console works with once it is opened.

    `working` makes this process work runs too. Paths of a new run are relative to `base_dir`.
    """

    engine: Engine
    working: AbstractAsyncContextManager[Worker] | None = None
    base_dir: Path | None = None


Opening = AbstractAsyncContextManager[Workplace]
