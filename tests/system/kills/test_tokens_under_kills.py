"""A tree of runs below a ceiling that is worth six questions, worked by two processes that are killed: never
over by what the server itself counts, and nothing stays held."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.contracts.actor import Actor
from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RUN_TERMINAL, RunStatus
from engine.journal.sqlite.journal import SqliteJournal
from engine.runtime.embedded.engine import open_engine
from tests.engine.models.loopback import head, serving, sse
from tests.engine.runtime.embedded_home import until
from tests.patience import PATIENCE
from tests.system.drill import PACK, make_home, registry
from tests.system.kills.nursery import open_nursery
from tests.system.kills.spenders import ANSWER, make_spenders, spending_config

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine
    from tests.engine.models.loopback import Write

pytestmark = pytest.mark.system

LEAVES, WORTH = 12, 6
ANA = Actor(name="ana", via="test")
KILLED_AT = (2, 4)
"""The numbers of the questions whose worker is killed before they are answered."""


class Server:
    """Takes as many tokens as a question may, and counts every one when it has come, answered or not."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.calls = 0
        self.kills: asyncio.Queue[None] = asyncio.Queue()
        """One for each worker that is to be killed: the next one may be due before the first is dead."""
        self.killed = asyncio.Event()
        self.killed.set()

    async def answer(self, write: Write) -> None:
        self.calls += 1
        if self.calls in KILLED_AT:
            self.killed.clear()
            self.kills.put_nowait(None)
        await self.killed.wait()
        usage = {"prompt_tokens": self.most - ANSWER, "completion_tokens": ANSWER}
        choice = {"index": 0, "delta": {"content": "Done."}, "finish_reason": "stop"}
        await write(head() + sse({"id": "1", "model": "m", "choices": [choice], "usage": usage}, "[DONE]"))


async def ended(engine: Engine, run_id: str) -> bool:
    return (await engine.runs.summary(run_id)).status in RUN_TERMINAL


async def one_question(home: Path) -> int:
    """Tokens that it may take at the most, as its refusal says where nothing is allowed."""
    make_spenders(home, "http://127.0.0.1:9/", None, tokens=1)
    async with open_engine(spending_config(home), registry=registry(home)) as engine, engine.work():
        run = await engine.runs.start(PACK, "ask", {}, actor=ANA)
        await until(lambda: ended(engine, run.run_id))
        error = (await engine.runs.summary(run.run_id)).error
    assert error is not None
    return int(error.details["needed"])


async def test_two_processes_never_pass_a_ceiling_of_tokens_together_while_they_are_killed(
    memory_path: Path,
) -> None:
    server, home = (
        Server(await one_question(make_home(memory_path / "first"))),
        make_home(memory_path / "home"),
    )
    ceiling = WORTH * server.most
    async with serving(server.answer) as loopback, open_nursery() as nursery:
        make_spenders(home, loopback.url, None, tokens=ceiling, leaves=LEAVES)
        async with open_engine(spending_config(home), registry=registry(home)) as engine:
            tree = await engine.runs.start(PACK, "tree", {}, actor=ANA)
            workers = [await nursery.start(home, role="spender") for _ in range(2)]
            for victim in range(len(KILLED_AT)):
                async with asyncio.timeout(PATIENCE):
                    await server.kills.get()
                await workers[victim].kill()
                if server.kills.empty():
                    server.killed.set()
                workers[victim] = await nursery.start(home, role="spender")
            await until(lambda: ended(engine, tree.run_id))
            assert KILLED_AT[-1] <= server.calls
            assert server.calls * server.most <= ceiling
            runs = (await engine.runs.list(RunFilter(flow="ask"))).items
            assert sum(run.tokens_used for run in runs) <= ceiling
            done = sum(run.status is RunStatus.COMPLETED for run in runs)
            assert 0 < done < LEAVES
    journal = await SqliteJournal.open(home / "data" / "journal.db")
    try:
        assert await journal.spending.holds() == []
    finally:
        await journal.close()
