"""An application that draws the next frame when the terminal has shown the last one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from textual import on
from textual._compositor import ChopsUpdate
from textual.app import App
from textual.driver import Driver
from textual.geometry import Region

from vasini_tui.console.terminal.closed_widgets import let_closed_widgets_go
from vasini_tui.console.terminal.driver import PatientDriver

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType
    from textual.screen import Screen

T = TypeVar("T")


class PacedApp(App[T], inherit_bindings=False):
    """What changes while a frame is on its way is gathered and drawn with the next one."""

    def __init__(self, css_path: list[str]) -> None:
        let_closed_widgets_go()
        super().__init__(css_path=list(css_path), watch_css=False, driver_class=PatientDriver)
        self._withheld: set[Region] = set()
        self._shown_later: list[tuple[int, Callable[[bool], None]]] = []

    def terminal_lost(self) -> None:
        """The terminal takes and gives nothing any more."""

    def when_shown(self, then: Callable[[bool], None]) -> None:
        """Call with True when the terminal has told that it shows what has been drawn by now.

        With False as soon as it is known to tell nothing. Without a terminal with True, at once.
        """
        drawn = self._driver.frames if isinstance(self._driver, PatientDriver) else 0
        self._shown_later.append((drawn + bool(self._withheld), then))
        self._call_when_shown()

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        """What can be seen below the screen on top.

        Textual counts one below an opaque screen in: what changed there drew all of the screen on top again.
        """
        stack = self._screen_stack
        return [] if stack and stack[-1].styles.background.a == 1 else super()._background_screens

    def delay_update(self, delay: float = 0.05) -> None:
        """Nothing waits for time: meanwhile keys would meet a screen that is not laid out."""

    async def frame_taken(self, seconds: float) -> None:
        """Return when the terminal has taken what was drawn, after `seconds` at the latest."""
        if isinstance(self._driver, PatientDriver):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._driver.taken.wait(), seconds)

    @on(Driver.SignalResume)
    def draw_again(self) -> None:
        """The terminal was another program's meanwhile: everything is drawn over what that left."""
        self.refresh(layout=True)

    def _call_when_shown(self) -> None:
        driver = self._driver
        waiting, self._shown_later = self._shown_later, []
        for frame, then in waiting:
            if not isinstance(driver, PatientDriver) or frame <= driver.frames_shown:
                then(True)
            elif driver.never_answers:
                then(False)
            else:
                self._shown_later.append((frame, then))

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        driver = self._driver
        if not isinstance(driver, PatientDriver) or renderable is None:
            super()._display(screen, renderable)
        elif driver.behind or self._batch_count:
            self._withheld |= _regions(screen, renderable)
            self.post_display_hook()
        else:
            super()._display(screen, renderable)
            if self._running:
                driver.frame_ends()

    def _end_batch(self) -> None:
        super()._end_batch()
        if not self._batch_count and isinstance(self._driver, PatientDriver) and not self._driver.behind:
            self._draw_withheld()

    def _build_driver(self, headless: bool, inline: bool, mouse: bool, size: tuple[int, int] | None) -> Any:
        driver = super()._build_driver(headless, inline, mouse, size)
        if isinstance(driver, PatientDriver):
            self.listen_to(driver)
        return driver

    def listen_to(self, driver: PatientDriver) -> None:
        """Draw, and tell what is shown, when this terminal says that it can take more."""
        driver.drawn = self._in_context(self._draw_withheld)
        driver.told = self._in_context(self._call_when_shown)
        driver.lost = self.terminal_lost

    def _in_context(self, act: Callable[[], None]) -> Callable[[], None]:
        """The driver calls outside of every message, and Textual draws in the context of its application."""

        def acting() -> None:
            with self._context():
                act()

        return acting

    def _draw_withheld(self) -> None:
        if not self._withheld or self._batch_count or not self._running or not self.screen_stack:
            return
        screen = self.screen
        compositor = screen._compositor  # noqa: SLF001 - Textual has no public way to draw regions
        here = compositor.size.region
        compositor._dirty_regions.update(  # noqa: SLF001
            part for region in self._withheld if (part := region.intersection(here))
        )
        self._withheld = set()
        changed = set(screen._dirty_widgets)  # noqa: SLF001
        screen._compositor_refresh()  # noqa: SLF001
        # Their turn is yet to come; Textual takes them for drawn and would forget them.
        screen._dirty_widgets |= changed  # noqa: SLF001


def _regions(screen: Screen[Any], renderable: RenderableType) -> set[Region]:
    """What would have been drawn."""
    if isinstance(renderable, ChopsUpdate):
        return {Region(left, y, right - left, 1) for y, left, right in renderable.spans}
    return {screen.size.region}
