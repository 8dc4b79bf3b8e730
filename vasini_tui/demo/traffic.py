"""The runs of the demonstration: the shipped packs, started one after the other as long as it lasts."""

from __future__ import annotations

import asyncio
import itertools
import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.actor import Actor
from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RUN_TERMINAL, RunStatus
from engine.errors import VasiniError
from vasini_tui.demo.sample_data import RELEASES, SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.facade.engine import Engine
    from vasini_tui.demo.sample_data import Samples

_NAMES = ("Noor", "Jonas", "Aiko", "Lena", "Tomás", "Ines", "Pavel", "Wanjiru")
_PEOPLE = ("mara", "jonas", "aiko")
_NOTE = "The log still shows errors, somebody should look at the service."
_CANCEL_EVERY = 15
_BRISK = 8
"""So many runs are started in quick succession: nobody likes to look at an empty screen."""
MOST_RUNS = 5_000
"""No more are started after these, so that a forgotten demonstration fills no disk."""

Job = tuple[str, str, dict[str, Any]]
"""Pack, flow and input."""


@dataclass(slots=True)
class Traffic:
    """Starts a run every `pace` seconds while fewer than `at_once` are unfinished, `MOST_RUNS` in all."""

    engine: Engine
    samples: Samples
    tenant: str
    pace: float = 2.5
    at_once: int = 14
    chance: random.Random = field(default_factory=random.Random)
    _jobs: Iterator[Job] = field(init=False)

    def __post_init__(self) -> None:
        self._jobs = self._endless()

    async def run(self) -> None:
        """Go on until cancelled, or until there are enough."""
        for number in range(1, MOST_RUNS + 1):
            pace = self.pace if number > _BRISK else self.pace / 10
            await asyncio.sleep(pace * self.chance.uniform(0.5, 1.5))
            # The operator of the demonstration may have cancelled, blocked or removed anything.
            with suppress(VasiniError):
                if not await self._full():
                    await self._start(cancelled=number % _CANCEL_EVERY == 0)

    async def _start(self, *, cancelled: bool) -> None:
        pack, flow, payload = next(self._jobs)
        actor = Actor(name=self.chance.choice(_PEOPLE), via="demo")
        source = await self._incident() if pack == "on-call" else None
        if source is None:
            started = await self.engine.runs.start(
                pack, flow, payload, actor=actor, tenant=self.tenant, base_dir=self.samples.out
            )
        else:
            started = await self.engine.runs.hand_off(
                source, pack, flow, payload, actor=actor, note=_NOTE, base_dir=self.samples.out
            )
        if cancelled:
            await self.engine.runs.cancel(started.run_id, actor=actor)

    async def _incident(self) -> str | None:
        """A finished triage that may be handed off."""
        finished = RunFilter(pack="log-triage", status=(RunStatus.COMPLETED,), tenant=self.tenant)
        page = await self.engine.runs.list(finished, limit=1)
        return page.items[0].run_id if page.items else None

    async def _full(self) -> bool:
        counts = (await self.engine.runs.counts()).runs
        return sum(n for status, n in counts.items() if status not in RUN_TERMINAL) >= self.at_once

    def _endless(self) -> Iterator[Job]:
        """What to start next, for ever."""
        for number in itertools.count(1):
            yield "hello", "hello", {"name": self.chance.choice(_NAMES)}
            log = self.chance.choice(self.samples.logs)
            yield "log-triage", "incident", {"log": str(log), "out_dir": f"incident-{number}"}
            yield "on-call", "incident", self._on_call(number)
            yield "on-call", "triage", self._triage(number)
            if self.samples.repository is not None:
                yield from self._repository_jobs(number, str(self.samples.repository))

    def _on_call(self, number: int) -> dict[str, Any]:
        log, service = str(self.samples.service_log), self.chance.choice(SERVICES)
        return {"service": service, "log": log, "out_dir": f"on-call-{number}"}

    def _triage(self, number: int) -> dict[str, Any]:
        log, service = self.samples.service_log, self.chance.choice(SERVICES)
        logs = {"logs": str(log.parent), "log": log.name}
        return {"service": service, **logs, "out_dir": f"triage-{number}"}

    def _repository_jobs(self, number: int, repo: str) -> Iterator[Job]:
        release = number % (RELEASES + 1)  # v1.0 was never tagged: that run fails and says why
        notes = {"repo": repo, "from_ref": f"v1.{release}", "to_ref": "HEAD", "out": f"notes-{number}.md"}
        yield "repo-steward", "release-notes", notes
        yield "senior-python-dev", "change-survey", {"repo": repo, "from_ref": notes["from_ref"]}
        problem = {"problem": "The limit is not explained.", "file": "cart.py"}
        yield "senior-python-dev", "fix", {"repo": repo, **problem}
        yield "hello", "hello", {"name": self.chance.choice(_NAMES)}
        yield "repo-steward", "secret-scan", {"repo": repo, "out": f"scan-{number}.md"}
