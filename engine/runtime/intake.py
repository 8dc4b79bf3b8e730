"""Where new runs and decisions go in."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from engine.runtime.clock import offset_of
from engine.runtime.processes import boot_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.journal.port import Journal
    from engine.journal.records import Decided, Decision, NewRun
    from engine.runtime.clock import Clock


class LocalRuns(Protocol):
    """The runs in the hands of this process' worker, as far as more may be given to them."""

    def accepts(self, run: NewRun) -> bool:
        """Whether a new run can be taken at once, without a turn of the claim."""
        ...

    @property
    def takes_more(self) -> bool:
        """Whether one more run can be taken at once."""
        ...

    async def start(self, run: NewRun) -> str:
        """Queue a new run and work it from its first commit on; its id."""
        ...

    async def decide(self, decision: Decision) -> Decided:
        """Record a decision and go on with its run at once when nobody works it."""
        ...


class Intake:
    """Gives new runs and decisions to this process's worker while it takes more, else to the journal.

    The worker saves them a turn of the claim: what it takes is in its hands with the first commit.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._held: LocalRuns | None = None

    @contextmanager
    def served_by(self, held: LocalRuns) -> Iterator[None]:
        """Within the context `held` takes what comes in."""
        self._held = held
        try:
            yield
        finally:
            self._held = None

    async def start(self, run: NewRun) -> str:
        """Queue the run; its id, an earlier one for a known key. Raises as `Journal.create_run`."""
        if self._held is not None and self._held.accepts(run):
            return await self._held.start(run)
        run_id, _ = await self._journal.create_run(run)
        return run_id

    async def decide(self, decision: Decision) -> Decided:
        """Record the decision. Raises as `Journal.decide`."""
        boot = await asyncio.to_thread(boot_id)
        decision = replace(decision, clock=offset_of(self._clock, boot))
        if self._held is not None and self._held.takes_more:
            return await self._held.decide(decision)
        return await self._journal.decide(decision)
