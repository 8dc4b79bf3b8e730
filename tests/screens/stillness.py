"""Waiting for what a key or a change brings about, as long as it takes and no longer.

Textual's pilot takes a process for still that works little within 20 ms, and asks twice after every key. The
event loop itself knows better: nothing in it is ready to go on, and everything that changed is drawn. Frames
that nobody looks at on the way there are left out.
"""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections import deque
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from textual._context import visible_screen_stack
from textual.drivers.headless_driver import HeadlessDriver
from textual.events import Key, Resize
from textual.geometry import Region, Size
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.screen import Screen

if TYPE_CHECKING:
    from textual.app import App

_FRAMES = 20
"""So many come one after the other at most: what is drawn may change what is to be drawn."""

_THREAD_SECONDS = 2.0
"""A thread that works longer is waited for by `until`."""

_draw = Screen._compositor_refresh
_owes_frame: WeakKeyDictionary[App[Any], bool] = WeakKeyDictionary()
"""Applications that draw when they are still, and whether anything is to be drawn."""


async def settle(app: App[Any]) -> None:
    """Return when everything has been done that does not wait for time to pass, and is drawn."""
    for _ in range(_FRAMES):
        await _quiet()
        if not app.screen_stack or not _to_be_drawn(app):
            return
        with app._context():
            app.screen._on_timer_update()  # the turn of the next frame
            if _owes_frame.get(app):
                _owes_frame[app] = False
                _render(app.screen)
    assert app._exit, "never still: it draws again and again, or waits for time with nothing laid out"


async def press(app: App[Any], *keys: str) -> None:
    """Keys as a person types them: each one when the one before has had its effect."""
    for name in keys:
        app.post_message(key(name))
        await settle(app)


async def resize(app: App[Any], width: int, height: int) -> None:
    """Another size of the terminal."""
    size = Size(width, height)
    assert app._driver is not None
    app._driver._size = size
    app.post_message(Resize(size, size))
    await _quiet()
    with app._context():
        app._check_resize()  # Textual waits a moment, for a resize seldom comes alone
    await settle(app)


def key(name: str) -> Key:
    """The event of a key, by its name or the character it writes."""
    named = _character_to_key(name) if len(name) == 1 and not name.isalnum() else name
    try:
        character: str | None = unicodedata.lookup(
            _get_unicode_name_from_key(REPLACED_KEYS.get(named, named))
        )
    except KeyError:
        character = named if len(named) == 1 else None
    return Key(named, character)


def draws_when_still(app: App[Any]) -> None:
    """Let the application draw when `settle` says so, and only then; `gathered_frame` has to be in force."""
    _owes_frame[app] = False


def gathered_frame(screen: Screen[Any]) -> None:
    """In the place of Textual's `Screen._compositor_refresh`."""
    app = screen.app
    if app in _owes_frame and screen is app.screen and isinstance(app._driver, HeadlessDriver):
        _owes_frame[app] = True
        screen._dirty_widgets.clear()  # their regions are noted
        app._update_mouse_over(screen)
    else:
        _draw(screen)


def _render(screen: Screen[Any]) -> None:
    """As `_draw`, but the lines of the widgets are not put together to a frame that no terminal shows."""
    compositor = screen._compositor
    visible_screen_stack.set(screen.app._background_screens)
    changed, compositor._dirty_regions = compositor._dirty_regions, set()
    if changed:
        deque(compositor._get_renders(Region.from_union(list(changed))), maxlen=0)


async def _quiet() -> None:
    loop: Any = asyncio.get_running_loop()
    patient_until = time.monotonic() + _THREAD_SECONDS
    while True:
        await asyncio.sleep(0)
        if loop._ready:
            continue
        if not _threads_work(loop._default_executor) or time.monotonic() > patient_until:
            return
        await asyncio.sleep(0.001)


def _threads_work(executor: Any) -> bool:
    return executor is not None and executor._idle_semaphore._value < len(executor._threads)


def _to_be_drawn(app: App[Any]) -> bool:
    screen = app.screen
    flags = (
        screen._layout_required,
        screen._scroll_required,
        screen._repaint_required,
        screen._recompose_required,
    )
    return any(flags) or bool(screen._dirty_widgets or screen._callbacks or _owes_frame.get(app))
