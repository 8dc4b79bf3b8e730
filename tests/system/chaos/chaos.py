"""Chaos: workers, deciders and consoles are killed at any moment, or stand still for a while, the clock is
set, the disk is full, and somebody pauses, resumes, cancels, rejects and retries what runs.

    python -m tests.system.chaos.chaos [--minutes 5] [--seed 1]

Every round starts runs of all kinds of steps and ends when all of them have ended; two deciders and two
consoles, where keys are pressed, decide side by side. At the end a table
says how often each promise was tried and how often it was broken; the exit status is 1 if any was.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.system.chaos.chaos_console import ChaosConsole
from tests.system.chaos.chaos_promises import Promises, check_promises, decided_by_keys
from tests.system.chaos.chaos_roles import MachineClock, set_clock
from tests.system.drill import FLOWS_WITH_ONE_OF_EACH, LEASE_SECONDS, make_home
from tests.system.kills.nursery import open_nursery
from tests.system.terminals.person import person_at

if TYPE_CHECKING:
    from tests.system.kills.nursery import Nursery, WorkerProcess
    from tests.system.terminals.person import Person

WORKERS = 2
DECIDERS = 2
CONSOLES = 2
INNOCENTS = 12
KILLS_A_ROUND = 3
"""Fewer than losses make a dead letter: what ends as one in spite of that was wronged."""
STILL_SECONDS = 60.0
"""A round in which nothing more is recorded for so long does not end."""
STANDS_STILL = (0.1, LEASE_SECONDS * 1.6)
"""Also for longer than its lease, so that others take what it works; it goes on in the middle of it."""
CONSOLE_KILLED = 0.2
"""They take their time to come up again."""
TROUBLES = ("kill", "kill", "still", "decider", "steerer", "console", "clock", "clock", "disk", "nothing")
CLOCK_STEPS = (7_200, -7_200, 3_600, -3_600, 30, -30)


class Stuck(Exception):
    """Runs do not end, and nothing more happens to them."""


@dataclass(slots=True)
class Troubles:
    """What was done to the processes."""

    worker_kills: int = 0
    stood_still: int = 0
    steerer_kills: int = 0
    decider_kills: int = 0
    console_kills: int = 0
    decided_by_keys: int = 0
    clock_steps: int = 0
    full_disks: int = 0
    guilty: set[str] = field(default_factory=set)


class Chaos:
    """One home, its processes, and the troubles they are in."""

    def __init__(self, home: Path, nursery: Nursery, person: Person, chance: random.Random) -> None:
        self._home = home
        self._nursery = nursery
        self._person = person
        self._chance = chance
        self._workers: list[WorkerProcess] = []
        self._deciders: list[WorkerProcess] = []
        self._steerers: list[WorkerProcess] = []
        self._still: set[asyncio.Task[None]] = set()
        self._consoles: list[ChaosConsole] = []
        self._clock = 0.0
        self._open: set[str] = set()
        self._read_to = 0
        self._heard_at = 0.0
        self.troubles = Troubles()

    async def begin(self) -> None:
        """Start the processes."""
        for _ in range(WORKERS):
            self._workers.append(await self._nursery.start(self._home, role="worker"))
        for _ in range(DECIDERS):
            self._deciders.append(await self._nursery.start(self._home, role="decider"))
        self._steerers.append(await self._nursery.start(self._home, role="steerer"))
        for _ in range(CONSOLES):
            self._consoles.append(self._console())

    def _console(self) -> ChaosConsole:
        return ChaosConsole(self._home, dict(os.environ))

    async def end(self) -> None:
        """Stop the processes; the one who steers goes first, so that the others end what it left."""
        for process in self._steerers:
            await process.kill()
        self._steerers.clear()
        with suppress(Stuck):  # likewise
            await self._until_ended(0)
        await asyncio.gather(*self._still)
        for console in self._consoles:
            console.kill()
        for process in self._deciders:
            await process.kill()
        for process in self._workers:
            await process.drain()

    async def round(self, *, deadly: bool) -> None:
        """Runs of all kinds; with `deadly` one of them kills its workers, and nobody else does."""
        for _ in range(INNOCENTS // 2):
            await self._person.start("napping")
        for flow in (*FLOWS_WITH_ONE_OF_EACH, "retrying") * 2:
            await self._person.start(flow)
        if deadly:
            self.troubles.guilty.add(await self._person.start("deadly"))
        for _ in range(INNOCENTS // 2):
            await self._person.start("napping")
        await self._until_ended(0 if deadly else KILLS_A_ROUND)

    async def _until_ended(self, kills: int) -> None:
        self._heard_at = time.monotonic()
        while not await self._all_ended():
            await asyncio.sleep(self._chance.uniform(0.05, 0.4))
            kills -= await self._trouble(kills)
            await self._replace_the_dead()
            for console in self._consoles:
                await asyncio.to_thread(console.press)
            if time.monotonic() - self._heard_at > STILL_SECONDS:
                raise Stuck

    async def _all_ended(self) -> bool:
        """Of all that ever began: where clocks are set no list has the newest runs on top."""
        await self._hear_news()
        for run_id in list(self._open):
            if not await self._person.has_ended(run_id):
                return False
            self._open.discard(run_id)
        return True

    async def _hear_news(self) -> None:
        """Runs of which something was recorded since are open again."""
        while (
            page := await self._person.engine.runs.all_events(after_seq=self._read_to)
        ).next != self._read_to:
            self._open |= {one.run_id for one in page.events}
            self._read_to, self._heard_at = page.next, time.monotonic()

    async def _trouble(self, kills: int) -> int:
        """Something happens, perhaps; how many workers were killed."""
        what = self._chance.choice(TROUBLES)
        if what == "kill" and kills > 0:
            self.troubles.worker_kills += 1
            await self._chance.choice(self._workers).kill()
            return 1
        if what == "still" and kills > 0:
            self.troubles.stood_still += 1
            self._still.add(asyncio.create_task(self._stand_still(self._chance.choice(self._workers))))
            return 1
        if what == "steerer" and self._steerers:
            self.troubles.steerer_kills += 1
            await self._steerers[0].kill()
        if what == "decider":
            self.troubles.decider_kills += 1
            await self._chance.choice(self._deciders).kill()
        if what == "console" and self._chance.random() < CONSOLE_KILLED:
            self.troubles.console_kills += 1
            self._chance.choice(self._consoles).kill()
        if what == "clock":
            self.troubles.clock_steps += 1
            self._clock += self._chance.choice(CLOCK_STEPS)
            set_clock(self._home, self._clock)
        if what == "disk":
            self.troubles.full_disks += 1
            worker = self._chance.choice(self._workers)
            _signal(worker, signal.SIGUSR2)
            await asyncio.sleep(self._chance.uniform(0.1, 0.5))
            _signal(worker, signal.SIGUSR2)
        return 0

    async def _stand_still(self, worker: WorkerProcess) -> None:
        _signal(worker, signal.SIGSTOP)
        await asyncio.sleep(self._chance.uniform(*STANDS_STILL))
        _signal(worker, signal.SIGCONT)

    async def _replace_the_dead(self) -> None:
        roles = (self._workers, "worker"), (self._deciders, "decider"), (self._steerers, "steerer")
        for processes, role in roles:
            for number, process in enumerate(processes):
                if process.ended.done():
                    processes[number] = await self._nursery.start(self._home, role=role)
        for number, console in enumerate(self._consoles):
            if console.gone:
                console.kill()
                self._consoles[number] = self._console()


def _signal(process: WorkerProcess, number: signal.Signals) -> None:
    if not process.ended.done():
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


async def run(minutes: float, seed: int, home: Path) -> tuple[Troubles, Promises]:
    """Rounds until the time is over; at least one of each kind."""
    make_home(home)
    until = time.monotonic() + minutes * 60
    async with open_nursery() as nursery, person_at(home, MachineClock(home)) as person:
        chaos = Chaos(home, nursery, person, random.Random(seed))
        await chaos.begin()
        rounds = 0
        with suppress(Stuck):  # the table names the runs that have not ended
            while rounds < 2 or time.monotonic() < until:
                await chaos.round(deadly=rounds % 3 == 1)
                rounds += 1
                sys.stderr.write(f"round {rounds} has ended\n")
        await chaos.end()
    chaos.troubles.decided_by_keys = decided_by_keys(home)
    return chaos.troubles, check_promises(home, chaos.troubles.guilty)


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vasini-chaos-") as place:
        troubles, promises = asyncio.run(run(given.minutes, given.seed, Path(place) / "home"))
    sys.stdout.write(
        f"seed {given.seed}: {troubles.worker_kills} workers and {troubles.decider_kills} deciders and "
        f"{troubles.console_kills} consoles killed, "
        f"{troubles.stood_still} workers stood still, {troubles.steerer_kills} times who steers was killed, "
        f"{len(troubles.guilty)} steps that kill their worker, {troubles.clock_steps} times the clock set, "
        f"{troubles.full_disks} times the disk full, {troubles.decided_by_keys} decisions by keys\n\n"
        f"{promises.table()}\n"
    )
    return int(promises.broken > 0)


if __name__ == "__main__":
    sys.exit(main())
