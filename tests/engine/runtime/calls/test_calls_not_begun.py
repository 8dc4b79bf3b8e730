"""An approved call that certainly had not begun goes on by itself: nobody is asked what became of it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RunStatus
from engine.errors import Refused
from engine.runtime.worker.sessions.call_marks import lost_calls, mark_of
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    kinds,
    pending_approval,
    rest,
    start,
    tool,
    until,
)
from tests.engine.runtime.fake_clock import FakeClock

if TYPE_CHECKING:
    from engine.facade.engine import Engine

SUSPECT = {"key": "suspect"}


async def suspect_alone(home: Home, opened: AsyncExitStack, work: AsyncExitStack) -> Engine:
    """An engine, `opened`, at `work`, whose only call was lost twice: no other begins beside it."""
    home.flow("suspect", tool("hold", "fake.slow", params=SUSPECT))
    before = AsyncExitStack()
    engine = await before.enter_async_context(home.working())
    await start(engine, "suspect")
    await called(home, 1)
    for losses in (1, 2):
        clock = FakeClock(ahead=3600.0 * losses)
        following = opened if losses == 2 else AsyncExitStack()
        engine = await following.enter_async_context(home.open(clock=clock))
        await (work if losses == 2 else following).enter_async_context(engine.work())
        await called(home, losses + 1)
        await before.aclose()
        before = following
    return engine


async def called(home: Home, calls: int) -> None:
    async def so_many() -> bool:
        return len(home.tools.calls) == calls

    await until(so_many)


async def test_a_worker_that_leaves_before_the_call_began_leaves_no_question(home: Home) -> None:
    home.flow("send", approval("ask"), tool("send", params={"to": "ops"}))
    async with AsyncExitStack() as opened:
        async with AsyncExitStack() as work:
            engine = await suspect_alone(home, opened, work)
            run_id = await start(engine, "send")
            card = await pending_approval(engine, run_id)
            await engine.requests.approve(card.approval_id, actor=ANN)

            async def started() -> bool:
                return (await kinds(engine, run_id))[-1] == "step_started"

            await until(started)
        assert (await kinds(engine, run_id))[-1] == "step_put_back"
        home.tools.release("suspect")
        async with engine.work():
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert "outcome_unknown" not in await kinds(engine, run_id)
    assert len(home.tools.given("send")) == 1


async def test_a_start_that_was_made_before_or_is_refused_expects_no_call(home: Home) -> None:
    """Room for marks is small, and a call without one is never suspected of anything."""
    home.flow("send", tool("send", "fake.slow", on_lost="ask"))
    async with home.open() as engine, engine.work() as worker:
        first = await engine.runs.start("demo", "send", {}, actor=ANN, idempotency_key="once")
        await called(home, 1)
        again = await engine.runs.start("demo", "send", {}, actor=ANN, idempotency_key="once")
        assert again.run_id == first.run_id
        with pytest.raises(Refused):
            await engine.runs.start("demo", "send", {"n": 2}, actor=ANN, idempotency_key="once")
        marked = await asyncio.to_thread(lost_calls, home.config().marks_dir, worker.worker_id)
        assert marked.marks == {mark_of(first.run_id, "send")}
        home.tools.release()
        await rest(engine, first.run_id, expect=RunStatus.COMPLETED)
