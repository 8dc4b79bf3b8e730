"""A worker whose journal is deleted under it says so to whoever waits for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, Unavailable
from tests.engine.runtime.embedded_home import Home, start, tool, until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.facade.engine import Engine, Worker

WAITS: list[Callable[[Worker], Awaitable[None]]] = [
    lambda worker: worker.idle(),
    lambda worker: worker.journal_lost(),
]


@pytest.mark.parametrize("wait", WAITS, ids=["idle", "lost"])
async def test_whoever_waits_for_a_worker_hears_that_its_journal_was_deleted(
    home: Home, wait: Callable[[Worker], Awaitable[None]]
) -> None:
    home.flow("slow", tool("a", "fake.slow"))

    async def busy() -> bool:
        return home.tools.under_way == 1

    async def work(engine: Engine) -> None:
        async with engine.work() as worker:
            await until(busy)
            await asyncio.to_thread(home.config().journal_path.unlink)
            async with asyncio.timeout(PATIENCE):
                await wait(worker)

    async with home.open() as engine:
        await start(engine, "slow")
        with pytest.raises(Unavailable) as caught:
            await work(engine)
    assert caught.value.code is ErrorCode.JOURNAL_UNAVAILABLE
    assert home.tools.under_way == 0


async def test_a_journal_that_is_put_back_goes_on(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    journal = home.config().journal_path
    aside = journal.with_name("aside.db")
    async with home.open() as engine, engine.work() as worker:
        journal.rename(aside)
        with pytest.raises(Unavailable):
            await worker.journal_lost()
        aside.rename(journal)
        await start(engine, "slow")
        home.tools.release()
        await worker.idle()
    assert home.tools.calls
