"""What every screen works with: the engine, who acts, the clocks and what outlives a screen."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from engine.errors import VasiniError
from screens.frame.keyboard import Keyboard
from screens.keys.keymap import Keymap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.packs.pack import PackView
    from engine.facade.engine import Engine

logger = logging.getLogger("vasini.console")


class Editor(Protocol):
    """The operator's own editor, for long texts and for files of packs."""

    async def edit(self, text: str) -> str:
        """The text as the operator left it. Raises VasiniError when the editor cannot be used."""
        ...

    async def open(self, path: Path) -> None:
        """Let the operator change this file itself. Raises VasiniError when the editor cannot be used."""
        ...


def utc_now() -> datetime:
    """The time on the wall, in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class ConsoleState:
    """One operator at one console. `clock` is monotonic seconds; `grace` is seconds as well."""

    engine: Engine
    actor: Actor
    tenant: str
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = utc_now
    grace: float = 0.3
    bell: bool = True
    base_dir: Path | None = None
    keymap: Keymap = field(default_factory=Keymap)
    label: str = ""
    editor: Editor | None = None
    drafted: dict[str, bool] = field(default_factory=dict)
    """Whether a draft is kept under a key, as far as this console has looked."""
    keyboard: Keyboard = field(default_factory=Keyboard)
    offline: str = ""
    broken_packs: tuple[PackView, ...] | None = None
    """Those with problems; None until they are read, and again when packs changed."""


def explain(error: Exception) -> str:
    """Words for an error that reached a screen. A defect of ours is logged and named without its trace."""
    if isinstance(error, VasiniError):
        return f"{error.code}: {error.message}"
    logger.error("unexpected error in the console", exc_info=error)
    return f"internal error: {type(error).__name__}: {error}"
