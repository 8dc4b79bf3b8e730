"""The throw-away workspace of the demonstration, and everything that goes on in it."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.budget.settings import BudgetSettings, CapSetting
from engine.threads import finish
from vasini_tui.console.options import Workplace
from vasini_tui.demo.colleagues import Colleagues
from vasini_tui.demo.history import write_history
from vasini_tui.demo.sample_data import make_samples
from vasini_tui.demo.traffic import Traffic
from vasini_tui.log_file import logging_to_file
from vasini_tui.settings.groups import EngineSettings
from vasini_tui.settings.in_force import Settings
from vasini_tui.settings.places import find_places
from vasini_tui.settings.seldom_asked import ToolSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.facade.engine import Engine
    from vasini_tui.demo.sample_data import Samples
    from vasini_tui.wiring import Session

LABEL = "DEMO"
CAPS = tuple(
    CapSetting.model_validate(one)
    for one in (
        {"scope": "pack", "of": "on-call", "window": "day", "soft": 8, "hard": 10},
        {"scope": "tenant", "window": "month", "soft": 130, "hard": 150},
        {"scope": "run", "hard": 2},
    )
)
"""One that warns and is nearly used up, one that is near its warning, one of each run."""
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
    """
    async with _folder() as folder:
        inside = _inside(session, folder)
        journal = inside.loaded.places.journal_file
        async with asyncio.TaskGroup() as making:
            data = making.create_task(finish(asyncio.to_thread(make_samples, folder / "data")))
            making.create_task(finish(asyncio.to_thread(write_history, journal, tenant, _now())))
        samples = data.result()
        with logging_to_file(inside.loaded):
            async with inside.engine() as engine, engine.work(), asyncio.TaskGroup() as group:
                traffic = group.create_task(Traffic(engine, samples, tenant, pace=2.5 * pace).run())
                colleagues = group.create_task(Colleagues(engine, pace=4.0 * pace).run())
                try:
                    yield Demo(engine, samples)
                finally:
                    _ignore_signals()
                    traffic.cancel()
                    colleagues.cancel()


@asynccontextmanager
async def demonstration(session: Session, tenant: str) -> AsyncIterator[Workplace]:
    """The demonstration as the console opens it."""
    async with open_demo(session, tenant=tenant) as demo:
        yield Workplace(demo.engine, base_dir=demo.samples.base_dir)


def _inside(session: Session, folder: Path) -> Session:
    """The session, with everything it has in `folder`."""
    values = Settings(
        console=session.loaded.values.console,
        budget=BudgetSettings(caps=CAPS),
        tools=ToolSettings(roots=(folder,)),
        engine=EngineSettings(drain_seconds=0),  # its steps only pretend to work
    )
    places = find_places({"VASINI_HOME": str(folder / "home")})
    return replace(session, loaded=replace(session.loaded, values=values, places=places))


def _now() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1_000


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    """A temporary folder that is removed, also when a second signal arrives meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        yield folder
    finally:
        _ignore_signals()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)


def _ignore_signals() -> None:
    """From now on everything is cleared away; a terminal that is closed sends more than one signal."""
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, _nothing)


def _nothing() -> None:
    """Ending already."""
