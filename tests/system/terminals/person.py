"""The operator of a test: decides and answers whatever runs ask, and remembers what was acknowledged."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from engine.contracts.actor import Actor
from engine.contracts.status import RUN_TERMINAL, OutcomeDecision
from engine.errors import Refused
from engine.runtime.clock import SystemClock
from engine.runtime.embedded.engine import open_engine
from tests.patience import PATIENCE
from tests.system.drill import PACK, config, effect_of, registry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from engine.contracts.runs.request import OutcomeView
    from engine.contracts.runs.run import RunDetail
    from engine.facade.engine import Engine
    from engine.runtime.clock import Clock

ANA = Actor(name="ana", via="test")


class Person:
    """Works the inbox of one engine. `acknowledged`: request id -> decision."""

    def __init__(self, engine: Engine, home: Path) -> None:
        self.engine = engine
        self.home = home
        self.acknowledged: dict[str, str] = {}

    async def start(self, flow: str) -> str:
        """A run of the drill pack."""
        return (await self.engine.runs.start(PACK, flow, {}, actor=ANA)).run_id

    async def approve_all(self) -> None:
        """Decide everything that is pending now."""
        for approval in (await self.engine.requests.approvals()).items:
            with suppress(Refused):  # withdrawn meanwhile
                decision = await self.engine.requests.approve(
                    approval.approval_id, actor=ANA, digest=approval.digest
                )
                self.acknowledged[approval.approval_id] = decision.decision
        for form in (await self.engine.requests.forms()).items:
            with suppress(Refused):
                values = {"color": "red"} if form.form_id != "message" else _said(form.step_id)
                await self.engine.requests.answer(form.request_id, values, actor=ANA)
                self.acknowledged[form.request_id] = "ANSWERED"
        for outcome in (await self.engine.requests.outcomes()).items:
            with suppress(Refused):
                await self._look_and_say(outcome)

    async def _look_and_say(self, outcome: OutcomeView) -> None:
        """What a careful operator does: look whether the effect is there, then say so."""
        label = effect_of(self.home, outcome.idempotency_key)
        output = None if label is None else {"label": label, "key": outcome.idempotency_key}
        decision = OutcomeDecision.RUN_AGAIN if label is None else OutcomeDecision.DONE
        await self.engine.requests.decide_outcome(outcome.request_id, decision, actor=ANA, output=output)
        self.acknowledged[outcome.request_id] = decision.value

    async def operate(self, *, seconds: float = PATIENCE) -> None:
        """Decide until every run of this home, children too, has ended."""
        async with asyncio.timeout(seconds), self.engine.feed.subscribe() as feed:
            while True:
                await self.approve_all()
                if await self.all_ended():
                    return
                await anext(feed)

    async def all_ended(self) -> bool:
        """Whether every run has ended, its response document is written, and nobody holds it."""
        runs = (await self.engine.runs.list(limit=1000)).items
        for run in runs:  # newest first: the one that goes on is mostly found at once
            if not await self.has_ended(run.run_id):
                return False
        return True

    async def until(
        self, run_id: str, holds: Callable[[RunDetail], bool], *, seconds: float = PATIENCE
    ) -> RunDetail:
        """The run, as soon as something is true of it."""
        async with asyncio.timeout(seconds), self.engine.feed.subscribe() as feed:
            while not holds(detail := await self.engine.runs.get(run_id)):
                await anext(feed)
            return detail

    async def has_ended(self, run_id: str) -> bool:
        """Whether the run has ended, its response document is written, and nobody holds it."""
        view = await self.engine.runs.summary(run_id)
        if view.status not in RUN_TERMINAL or view.held_by is not None:
            return False
        last = await self.engine.runs.events(run_id, after_run_seq=view.run_seq - 1)
        return bool(last) and last[-1].kind == "output_written"


def _said(step_id: str) -> dict[str, str]:
    """One message of a conversation; after its answer there is nothing more to say."""
    return {"text": "Are there more?" if step_id == "talk/2/message" else ""}


@asynccontextmanager
async def person_at(home: Path, clock: Clock | None = None) -> AsyncIterator[Person]:
    """An operator's process on `home`: an engine that works nothing."""
    tools, clock = registry(home), clock or SystemClock()
    async with open_engine(config(home), registry=tools, clock=clock) as engine:
        yield Person(engine, home)
