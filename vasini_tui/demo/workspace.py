"""The throw-away workspace of the demonstration, and everything that goes on in it."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vasini_tui.demo.colleagues import Colleagues
from vasini_tui.demo.sample_data import make_samples
from vasini_tui.demo.traffic import Traffic
from vasini_tui.log_file import logging_to_file
from vasini_tui.places import find_places
from vasini_tui.settings_groups import SettingsShape, ToolSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from engine.facade import Engine
    from vasini_tui.demo.sample_data import Samples
    from vasini_tui.wiring import Session

LABEL = "DEMO"
PREFIX = "vasini-demo-"
_SIGNALS = (signal.SIGHUP, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Demo:
    """An engine that works generated runs, and what they work on."""

    engine: Engine
    samples: Samples


@asynccontextmanager
async def open_demo(session: Session, *, tenant: str, pace: float = 1.0) -> AsyncIterator[Demo]:
    """A new workspace in which runs come and go; it is gone when the context is left.

    Settings other than the console's are the defaults: what an operator forbids for production must
    not stop a demonstration. Its tools enter nothing but the workspace. `pace` multiplies waiting times.
    Raises KeyboardInterrupt when a signal ends it before or after the console has them.
    """
    async with _folder() as folder:
        samples = await _made(folder / "data")
        inside = _inside(session, folder)
        with logging_to_file(inside.loaded):
            async with inside.engine() as engine, engine.work(), asyncio.TaskGroup() as group:
                traffic = group.create_task(Traffic(engine, samples, tenant, pace=2.5 * pace).run())
                colleagues = group.create_task(Colleagues(engine, pace=4.0 * pace).run())
                try:
                    yield Demo(engine, samples)
                finally:
                    _on_signals(_nothing)  # a terminal that is closed sends more than one
                    traffic.cancel()
                    colleagues.cancel()


def _inside(session: Session, folder: Path) -> Session:
    """The session, with everything it has in `folder`."""
    values = SettingsShape(console=session.loaded.values.console, tools=ToolSettings(roots=(folder,)))
    places = find_places({"VASINI_HOME": str(folder / "home")})
    return replace(session, loaded=replace(session.loaded, values=values, places=places))


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    """A temporary folder that is removed even when a signal arrives, or several.

    While the console is open the signals are its own.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    signaled = False

    def end() -> None:
        nonlocal signaled
        signaled = True
        _on_signals(_nothing)
        task.cancel()

    _on_signals(end)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        yield folder
    except asyncio.CancelledError:
        if signaled:
            raise KeyboardInterrupt from None
        raise
    finally:
        _on_signals(_nothing)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _made(place: Path) -> Samples:
    """The samples. Nothing is still being written when this is left, by cancellation either."""
    making = asyncio.ensure_future(asyncio.to_thread(make_samples, place))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        await making
        raise


def _on_signals(act: Callable[[], None]) -> None:
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, act)


def _nothing() -> None:
    """The demonstration is being cleared away already."""
