"""A hundred agents below a cap that is worth ten calls, while workers are killed: never over by what the
server itself counts, and nearly all of it is used."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest

from engine.contracts.actor import Actor
from engine.contracts.status import RunStatus
from engine.runtime.embedded.engine import open_engine
from tests.engine.models.loopback import head, serving, sse
from tests.engine.runtime.embedded_home import until
from tests.patience import PATIENCE
from tests.system.drill import PACK, make_home, registry
from tests.system.kills.nursery import open_nursery
from tests.system.kills.spenders import ANSWER, SLOTS, make_spenders, spending_config

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine
    from tests.engine.models.loopback import Write

pytestmark = pytest.mark.system

AGENTS, WORTH = 100, 10
ANA = Actor(name="ana", via="test")
TOKEN = 1_000_000
"""What one costs, billionths."""
KILLED_AT = (3, 7)
"""The numbers of the questions whose worker is killed before they are answered."""


class Server:
    """Answers as dear as it may, and counts every question as paid when it has come, answered or not."""

    def __init__(self) -> None:
        self.bound = 0
        self.calls = 0
        self.kill = asyncio.Event()
        self.killed = asyncio.Event()
        self.killed.set()

    async def answer(self, write: Write) -> None:
        self.calls += 1
        if self.calls in KILLED_AT and self.bound:
            self.killed.clear()
            self.kill.set()
        await self.killed.wait()
        usage = {"prompt_tokens": max(self.bound - ANSWER, 1), "completion_tokens": ANSWER}
        choice = {"index": 0, "delta": {"content": "Done."}, "finish_reason": "stop"}
        await write(head() + sse({"id": "1", "model": "m", "choices": [choice], "usage": usage}, "[DONE]"))


async def dearest_call(home: Path) -> int:
    """Tokens that one call may use at the most, learned from one that is held."""
    async with open_engine(spending_config(home), registry=registry(home)) as engine, engine.work():
        run = await engine.runs.start(PACK, "ask", {}, actor=ANA)

        async def over() -> bool:
            return (await engine.runs.summary(run.run_id)).status is RunStatus.COMPLETED

        await until(over)
        events = await engine.runs.events(run.run_id)
    (usage,) = [event for event in events if event.kind == "model_usage"]
    return int(usage.payload["sent"]) + 64 + ANSWER


async def test_a_hundred_agents_never_pass_a_cap_while_workers_are_killed(memory_path: Path) -> None:
    server, first, home = Server(), make_home(memory_path / "first"), make_home(memory_path / "home")
    async with serving(server.answer) as loopback, open_nursery() as nursery:
        make_spenders(first, loopback.url, None)
        bound = await dearest_call(first)
        server.calls, server.bound = 0, bound
        hard = WORTH * bound * TOKEN
        make_spenders(home, loopback.url, hard)
        async with open_engine(spending_config(home), registry=registry(home)) as engine:
            for _ in range(AGENTS):
                await engine.runs.start(PACK, "ask", {}, actor=ANA)
            workers = [await nursery.start(home, role="spender") for _ in range(2)]
            for victim in range(len(KILLED_AT)):
                async with asyncio.timeout(PATIENCE):
                    await server.kill.wait()
                await until(partial(_all_came, engine, server))
                await workers[victim].kill()
                server.kill.clear()
                server.killed.set()
                workers[victim] = await nursery.start(home, role="spender")
            await until(partial(_all_used, engine, server, hard))
            spent = server.calls * bound * TOKEN
            assert 0.9 * hard <= spent <= hard
            (cap,) = (await engine.for_(ANA).budget.caps()).caps
            assert cap.spent + cap.held <= hard
            assert cap.spent <= spent


async def _all_came(engine: Engine, server: Server) -> bool:
    """Whether the server has every call for which money is held, as many as may be made at once; those of
    dead workers are held or counted."""
    (cap,) = (await engine.for_(ANA).budget.caps()).caps
    return cap.held_calls >= 2 * SLOTS and cap.spent + cap.held == server.calls * server.bound * TOKEN


async def _all_used(engine: Engine, server: Server, hard: int) -> bool:
    """Whether no further call may begin, and none is on its way."""
    (cap,) = (await engine.for_(ANA).budget.caps()).caps
    used = cap.spent + cap.held
    return used >= hard and used == server.calls * server.bound * TOKEN
