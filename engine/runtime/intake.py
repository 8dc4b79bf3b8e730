"""Where new runs and decisions go in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from engine.journal.errors import DecidedBefore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from engine.journal.port import Journal
    from engine.journal.records import ClockOffset, Decided, Decision, NewRun


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
    `clock_offset` tells how the wall clock stands; `weigh` refuses what decisions that wait have ended.
    """

    def __init__(
        self,
        journal: Journal,
        clock_offset: Callable[[], Awaitable[ClockOffset]],
        weigh: Callable[[Decision, DecidedBefore], Awaitable[None]],
    ) -> None:
        self._journal = journal
        self._clock_offset = clock_offset
        self._weigh = weigh
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
        """Record the decision. Raises as `Journal.decide`, without DecidedBefore."""
        decision = replace(decision, clock=await self._clock_offset())
        while True:
            try:
                return await self._decide(decision)
            except DecidedBefore as before:
                await self._weigh(decision, before)
                seen = {number for run in before.waiting for number, _ in run.given}
                decision = replace(decision, weighed=decision.weighed | seen)

    async def _decide(self, decision: Decision) -> Decided:
        if self._held is not None and self._held.takes_more:
            return await self._held.decide(decision)
        return await self._journal.decide(decision)
