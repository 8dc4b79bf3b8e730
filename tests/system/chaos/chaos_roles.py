"""What processes do in the chaos test: a worker whose clock and disk misbehave, a decider, a steerer."""

from __future__ import annotations

import asyncio
import random
import resource
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.contracts.actor import Actor
from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RUN_TERMINAL, CancelMode, RunStatus
from engine.errors import Refused, Unavailable
from engine.runtime.clock import SystemClock
from engine.runtime.embedded.engine import open_engine
from tests.system.drill import config, registry
from tests.system.terminals.person import person_at

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine

FULL_BYTES = 4_096
LOOK_SECONDS = (0.5, 6.0)
"""Consoles, whose cards have to be seen first, are to have their share."""
STEER_SECONDS = (0.1, 1.5)
REJECTED = 0.2
CANCELLED = 0.2
RETRIED = (RunStatus.FAILED, RunStatus.DEAD_LETTER)
STEERED = tuple(status for status in RunStatus if status not in RUN_TERMINAL or status in RETRIED)
STEERER = Actor(name="sam", via="test")


class MachineClock:
    """The clock of a machine that somebody sets, for all processes in one moment: `set_clock`."""

    def __init__(self, home: Path) -> None:
        self._file = _clock_file(home)

    def now(self) -> int:
        """See `engine.runtime.clock.Clock`."""
        set_by = float(self._file.read_text()) if self._file.exists() else 0.0
        return time.time_ns() // 1_000 + round(set_by * 1_000_000)

    def uptime(self) -> int:
        """See `engine.runtime.clock.Clock`."""
        return SystemClock().uptime()


class FullDisk:
    """Every signal fills the disk of this process, or frees it."""

    def __init__(self) -> None:
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._full = False

    def turn(self) -> None:
        """Full if it was free, free if it was full."""
        self._full = not self._full
        limit = FULL_BYTES if self._full else self._limits[0]
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, self._limits[1]))


class Acknowledged(dict[str, str]):
    """Decisions that were acknowledged, also written down: they outlive the one who decided."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def __setitem__(self, request_id: str, decision: str) -> None:
        super().__setitem__(request_id, decision)
        with self._file.open("a") as stream:
            stream.write(f"{request_id}\t{decision}\n")


def set_clock(home: Path, seconds: float) -> None:
    """Set the clock of the machine, so far from the right time."""
    new = _clock_file(home).with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(_clock_file(home))


def _clock_file(home: Path) -> Path:
    return home / "clock.txt"


def acknowledged_file(home: Path) -> Path:
    """One line for every decision that somebody was told has been recorded."""
    return home / "acknowledged.txt"


async def work(home: Path) -> None:
    """Work runs until SIGTERM; SIGUSR2 fills or frees the disk."""
    stopped = asyncio.Event()
    disk = FullDisk()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGUSR2, disk.turn)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGUSR2})
    tools, clock = registry(home), MachineClock(home)
    async with open_engine(config(home), registry=tools, clock=clock) as engine, engine.work(slots=16):
        await stopped.wait()


async def decide(home: Path) -> None:
    """Decide and answer what is asked, until killed."""
    async with person_at(home, MachineClock(home)) as person:
        person.acknowledged = Acknowledged(acknowledged_file(home))
        while True:
            with suppress(Unavailable):  # said to whoever decides; nothing was acknowledged
                await person.approve_all()
            await asyncio.sleep(random.uniform(*LOOK_SECONDS))


async def steer(home: Path) -> None:
    """Pause, resume, cancel, reject and retry runs, also those that steps started, until killed."""
    async with person_at(home, MachineClock(home)) as person:
        while True:
            with suppress(Refused, Unavailable):  # said to whoever steers
                await _steer_one(person.engine)
            await asyncio.sleep(random.uniform(*STEER_SECONDS))


async def _steer_one(engine: Engine) -> None:
    """One run that is not over, or that failed, with one verb that fits it; guilty ones are left alone."""
    if random.random() < REJECTED:
        pending = (await engine.requests.approvals()).items
        for approval in random.sample(pending, min(1, len(pending))):
            await engine.requests.reject(
                approval.approval_id, actor=STEERER, comment="No.", digest=approval.digest
            )
        return
    found = (await engine.runs.list(RunFilter(status=STEERED), limit=200)).items
    steered = [run for run in found if run.flow != "deadly"]
    if not steered:
        return
    run = random.choice(steered)
    if run.status in RETRIED:
        await engine.runs.retry(run.run_id, actor=STEERER)
    elif run.status is RunStatus.PAUSED:
        await engine.runs.resume(run.run_id, actor=STEERER)
    elif random.random() < CANCELLED:
        await engine.runs.cancel(run.run_id, actor=STEERER, mode=random.choice(list(CancelMode)))
    else:
        await engine.runs.pause(run.run_id, actor=STEERER)
