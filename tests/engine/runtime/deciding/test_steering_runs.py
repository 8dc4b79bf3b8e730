from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import CancelMode, RunStatus
from engine.errors import ErrorCode, InvalidTransition, NotFound
from engine.runtime.clock import SystemClock
from engine.runtime.processes import this_process
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    failed,
    finished,
    form,
    kinds,
    pending_approval,
    pending_form,
    rest,
    retry,
    start,
    statuses,
    tool,
    until,
)
from tests.engine.runtime.fake_clock import FakeClock
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from engine.journal.sqlite.journal import SqliteJournal

VERBS = ("pause", "resume", "cancel", "retry")


async def test_verbs_take_effect_without_a_worker(home: Home) -> None:
    home.flow("two", tool("a"), tool("b"))
    async with home.open() as engine:
        run_id = await start(engine, "two")
        paused = await engine.runs.pause(run_id, actor=ANN)
        assert (paused.status, paused.changed) == (RunStatus.PAUSED, True)
        again = await engine.runs.pause(run_id, actor=BOB)
        assert (again.status, again.changed) == (RunStatus.PAUSED, False)
        resumed = await engine.runs.resume(run_id, actor=ANN)
        assert (resumed.status, resumed.changed) == (RunStatus.RUNNING, True)
        assert not (await engine.runs.resume(run_id, actor=ANN)).changed
        cancelled = await engine.runs.cancel(run_id, actor=ANN)
        assert (cancelled.status, cancelled.changed) == (RunStatus.CANCELLED, True)
        assert not (await engine.runs.cancel(run_id, actor=ANN)).changed
        assert await engine.workers() == ()
        actors = {event.kind: event.actor for event in await engine.runs.events(run_id)}
        assert actors["run_pause_requested"] == actors["run_cancel_requested"] == "ann"
    assert home.tools.calls == []


async def test_a_resumed_run_is_taken_up_by_a_worker(home: Home) -> None:
    home.flow("two", tool("a"), tool("b", params={"x": 1}))
    async with home.open() as engine:
        run_id = await start(engine, "two")
        await engine.runs.pause(run_id, actor=ANN)
        async with engine.work() as worker:
            await worker.idle()
            assert home.tools.calls == []
            await engine.runs.resume(run_id, actor=ANN)
            await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_queued_run_is_cancelled_at_once(home: Home) -> None:
    home.flow("one", tool("a"))
    async with home.open() as engine:
        run_id = await start(engine, "one")
        result = await engine.runs.cancel(run_id, actor=ANN)
        assert (result.status, result.changed) == (RunStatus.CANCELLED, True)
        run = await rest(engine, run_id)
        assert home.document(run, "output/response.json")["status"] == "CANCELLED"


async def test_a_pause_waits_for_the_step_under_way(home: Home) -> None:
    home.flow("two", tool("a", "fake.slow"), tool("b", params={"x": 1}))
    async with home.working() as engine:
        run_id = await start(engine, "two")
        await until(lambda: busy(home))
        assert (await engine.runs.pause(run_id, actor=ANN)).changed

        async def asked() -> bool:
            return "run_pause_requested" in await kinds(engine, run_id)

        await until(asked)
        assert (await engine.runs.summary(run_id)).status is RunStatus.RUNNING
        assert not (await engine.runs.pause(run_id, actor=BOB)).changed
        home.tools.release()
        run = await rest(engine, run_id, expect=RunStatus.PAUSED)
        assert run.pause_requested
        assert await statuses(engine, run_id) == {"a": "COMPLETED"}
        await engine.runs.resume(run_id, actor=ANN)
        assert (await rest(engine, run_id, expect=RunStatus.COMPLETED)).output == {"x": 1}


async def busy(home: Home) -> bool:
    return home.tools.under_way > 0


async def test_a_pause_that_is_taken_back_in_time_changes_nothing(home: Home) -> None:
    home.flow("two", tool("a", "fake.slow"), tool("b", params={"x": 1}))
    async with home.working() as engine:
        run_id = await start(engine, "two")
        await until(lambda: busy(home))
        await engine.runs.pause(run_id, actor=ANN)
        assert (await engine.runs.resume(run_id, actor=ANN)).changed
        home.tools.release()
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_cancel_at_the_boundary_lets_the_step_finish(home: Home) -> None:
    home.flow("two", tool("a", "fake.slow"), tool("b"))
    async with home.working() as engine:
        run_id = await start(engine, "two")
        await until(lambda: busy(home))
        await engine.runs.cancel(run_id, actor=ANN)
        home.tools.release()
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        assert await statuses(engine, run_id) == {"a": "COMPLETED"}


async def test_a_cancel_now_stops_the_step(home: Home) -> None:
    home.flow("two", tool("a", "fake.slow"), tool("b"))
    async with home.working() as engine:
        run_id = await start(engine, "two")
        await until(lambda: busy(home))
        await engine.runs.cancel(run_id, actor=ANN)
        assert (await engine.runs.cancel(run_id, actor=BOB, mode=CancelMode.NOW)).changed
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        assert await statuses(engine, run_id) == {"a": "CANCELLED"}
    assert home.tools.under_way == 0


async def test_a_cancel_withdraws_what_the_run_asked(home: Home) -> None:
    home.flow(
        "ask", {"id": "p", "type": "parallel", "branches": [[approval("ok"), tool("a")], [form("word")]]}
    )
    async with home.open() as engine:
        async with engine.work() as worker:
            run_id = await start(engine, "ask")
            await worker.idle()
        assert (await engine.runs.counts()).approvals_pending == 1
        await engine.runs.cancel(run_id, actor=ANN)
        counts = await engine.runs.counts()
        assert (counts.approvals_pending, counts.forms_pending) == (0, 0)
        assert counts.runs[RunStatus.CANCELLED] == 1


async def test_a_retry_goes_on_at_the_failed_step_with_a_fresh_budget(home: Home) -> None:
    policy = {"max_attempts": 2}
    home.flow("try", tool("a"), tool("b", "fake.flaky", params={"fails": 3}, retry=policy))
    async with home.working() as engine:
        run = await failed(engine, "try")
        await retry(engine, run.run_id)
        done = await rest(engine, run.run_id, expect=RunStatus.COMPLETED)
        assert done.output == {"attempt": 4}
        assert done.error is None
        assert done.tool_calls == 5
        assert (await kinds(engine, run.run_id)).count("output_written") == 2
        assert home.document(done, "output/response.json")["status"] == "COMPLETED"
    assert [path for path, _ in home.tools.calls].count("a") == 1


async def test_waiting_after_a_retry_waits_for_the_retry(home: Home, journal: SqliteJournal) -> None:
    home.flow("try", tool("a", "fake.flaky", params={"fails": 1}))
    async with home.open(journal=journal) as engine:
        async with engine.work():
            run = await failed(engine, "try")
        now = SystemClock().uptime()
        process = await asyncio.to_thread(this_process)
        await journal.heartbeat("wrk_other", "host", 1, now, now + 60_000_000, process=process)
        (claim,) = await journal.claim("wrk_other", now, 1, run.run_id)
        assert (await engine.runs.retry(run.run_id, actor=ANN)).changed  # its holder has to take it in
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(engine.runs.wait(run.run_id, timeout=PATIENCE))
            for _ in range(20):
                await engine.runs.counts()
            assert not waiting.done()
            await journal.release(run.run_id, claim.epoch, ready=True)
            async with engine.work():
                await waiting
        assert waiting.result().status is RunStatus.COMPLETED


async def test_a_retry_without_a_worker_waits_for_one(home: Home) -> None:
    home.flow("try", tool("a", "fake.flaky", params={"fails": 1}))
    async with home.open() as engine:
        async with engine.work():
            run = await failed(engine, "try")
        result = await engine.runs.retry(run.run_id, actor=ANN)
        assert (result.status, result.changed) == (RunStatus.RUNNING, True)
        assert home.tools.attempts == [1]
        async with engine.work():
            await rest(engine, run.run_id, expect=RunStatus.COMPLETED)
    assert home.tools.attempts == [1, 2]


@pytest.mark.parametrize("verb", ["pause", "resume", "retry", "cancel"])
async def test_an_ended_run_takes_no_verb(home: Home, verb: str) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    async with home.working() as engine:
        run = await finished(engine, "one")
        with pytest.raises(InvalidTransition) as caught:
            await getattr(engine.runs, verb)(run.run_id, actor=ANN)
        assert caught.value.code is ErrorCode.INVALID_TRANSITION
        assert "COMPLETED" in caught.value.message


@pytest.mark.parametrize("verb", VERBS)
async def test_verbs_on_an_unknown_run_are_not_found(home: Home, verb: str) -> None:
    async with home.open() as engine:
        with pytest.raises(NotFound):
            await getattr(engine.runs, verb)("run_01nope", actor=ANN)


async def test_a_decision_on_a_paused_run_counts_when_it_goes_on(home: Home) -> None:
    home.flow("ask", form("word"), approval("ok"), tool("a", params={"x": 1}))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        asked = await pending_form(engine, run_id)
        await engine.runs.pause(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.PAUSED)
        await engine.requests.answer(asked.request_id, {"word": "yes"}, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.PAUSED)
        await engine.runs.resume(run_id, actor=ANN)
        shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_pause_does_not_lose_a_retry_that_waits(home: Home) -> None:
    policy = {"max_attempts": 2, "backoff_seconds": 60}
    home.flow("try", tool("a", "fake.flaky", params={"fails": 1}, retry=policy))
    async with home.working() as engine:
        run_id = await start(engine, "try")

        async def waits() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.RETRYING

        await until(waits)
        await engine.runs.pause(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.PAUSED)
    async with home.working(clock=FakeClock(ahead=120)) as engine:
        assert home.tools.attempts == [1]
        await engine.runs.resume(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert home.tools.attempts == [1, 2]
