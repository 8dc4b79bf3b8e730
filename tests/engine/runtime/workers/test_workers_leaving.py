"""What becomes of runs when workers come, go, die and fail."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.contracts.tool import ToolSpec
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.worker.held_runs import MAX_FAILED_WORKS
from engine.runtime.worker.worker import Worker
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    error_of,
    finished,
    form,
    kinds,
    pending_approval,
    pending_form,
    rest,
    retry,
    start,
    tool,
    until,
)
from tests.engine.runtime.fake_clock import FakeClock, slow_clock
from tests.engine.runtime.fake_faults import FakeFaults
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from engine.journal.port import Journal
    from engine.tools.context import ToolContext


async def busy(home: Home, calls: int = 1) -> None:
    """A call of a slow tool is under way, the `calls`-th one in all."""

    async def called() -> bool:
        return home.tools.under_way > 0 and len(home.tools.calls) == calls

    await until(called)


async def test_a_worker_that_leaves_gives_its_run_back(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    async with home.open() as engine:
        async with engine.work() as worker:
            run_id = await start(engine, "slow")
            await busy(home)
            assert (await engine.runs.summary(run_id)).held_by == worker.worker_id
        assert home.tools.under_way == 0
        run = await engine.runs.summary(run_id)
        assert (run.status, run.held_by) == (RunStatus.RUNNING, None)
        assert await engine.workers() == ()
    async with home.working() as other:
        await busy(home, calls=2)
        home.tools.release()
        await rest(other, run_id, expect=RunStatus.COMPLETED)
        (step,) = (await other.runs.steps(run_id)).items
        assert (step.attempt, step.recoveries) == (1, 0)
    assert home.tools.attempts == [1, 1]
    assert len(set(home.tools.keys)) == 1


async def test_a_worker_that_leaves_lets_its_calls_end_and_starts_nothing_new(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"), tool("b"))
    async with home.open(drain_seconds=PATIENCE) as engine:
        async with engine.work() as worker:
            run_id = await start(engine, "slow")
            await busy(home)
            assert isinstance(worker, Worker)
            worker.stop()
            home.tools.release()
        run = await engine.runs.summary(run_id)
        assert (run.status, run.held_by) == (RunStatus.RUNNING, None)
        assert (await kinds(engine, run_id))[-1] == "step_completed"
        assert [path for path, _ in home.tools.calls] == ["a"]
        async with engine.work():
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert [path for path, _ in home.tools.calls] == ["a", "b"]


async def test_a_run_whose_time_was_over_between_two_steps_begins_no_other_call(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"), tool("b"), max_duration=60)
    async with home.open(drain_seconds=PATIENCE) as engine:
        async with engine.work() as worker:
            run_id = await start(engine, "slow")
            await busy(home)
            assert isinstance(worker, Worker)
            worker.stop()
            home.tools.release()
        assert (await engine.runs.summary(run_id)).status is RunStatus.RUNNING
    async with home.open(clock=FakeClock(ahead=3600.0)) as later, later.work():
        await rest(later, run_id, expect=RunStatus.FAILED)
        assert (await error_of(later, run_id))[0] == "max_duration_exceeded"
    assert [path for path, _ in home.tools.calls] == ["a"]


async def test_a_run_whose_last_step_ends_while_its_worker_leaves_is_ended_by_the_next_one(
    home: Home,
) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    async with home.open(drain_seconds=PATIENCE) as engine:
        async with engine.work() as worker:
            run_id = await start(engine, "slow")
            await busy(home)
            assert isinstance(worker, Worker)
            worker.stop()
            home.tools.release()
        async with engine.work():
            run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.output == {"slow": "all"}
    assert home.tools.attempts == [1]


async def test_a_call_that_outlasts_the_drain_is_stopped_and_runs_again_elsewhere(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow", params={"key": "one"}), tool("b"))
    async with home.open(drain_seconds=0.05) as engine:
        async with engine.work():
            run_id = await start(engine, "slow")
            await busy(home)
        assert home.tools.under_way == 0
        home.tools.release("one")
        async with engine.work():
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert [path for path, _ in home.tools.calls] == ["a", "a", "b"]


async def test_a_run_is_given_back_once_its_stopped_call_has_ended(home: Home) -> None:
    stopped, may_end = asyncio.Event(), asyncio.Event()

    async def slow_to_end(params: dict[str, Any], context: ToolContext) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
            await may_end.wait()

    home.tools.registry.register(ToolSpec(name="fake.slow_to_end"), home.tools.counted(slow_to_end))
    home.flow("slow", tool("a", "fake.slow_to_end"))
    async with home.open() as engine, AsyncExitStack() as work:
        worker = await work.enter_async_context(engine.work())
        run_id = await start(engine, "slow")
        await busy(home)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work.aclose())
            await stopped.wait()
            for _ in range(3):  # written after whatever was to be written until now
                await start(engine, "slow")
            assert (await engine.runs.summary(run_id)).held_by == worker.worker_id
            may_end.set()
        assert (await engine.runs.summary(run_id)).held_by is None


async def test_another_engine_goes_on_at_once_when_a_worker_leaves(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    async with home.open(lease_seconds=600) as first, home.open(lease_seconds=600) as second:
        async with first.work():
            run_id = await start(first, "slow")
            await busy(home)
            leaving = await AsyncExitStack().__aenter__()
            await leaving.enter_async_context(second.work())
        home.tools.release()
        await rest(second, run_id, expect=RunStatus.COMPLETED)
        await leaving.aclose()


async def test_a_dead_workers_run_is_recovered_and_its_late_answer_ignored(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"), tool("b", params={"x": 1}))
    async with home.working() as first:
        run_id = await start(first, "slow")
        await busy(home)
        async with home.working(clock=FakeClock(ahead=3600)) as second:  # to it the first one is dead
            await busy(home, calls=2)
            (step,) = (await second.runs.steps(run_id)).items
            assert (step.attempt, step.recoveries) == (1, 1)
            home.tools.release()
            await rest(second, run_id, expect=RunStatus.COMPLETED)
            history = await kinds(second, run_id)
            assert history.count("step_recovered") == 1
            assert history.count("step_completed") == 2
        assert home.tools.under_way == 0
    assert [path for path, _ in home.tools.calls] == ["a", "a", "b"]


async def test_a_step_that_keeps_killing_workers_becomes_a_dead_letter(home: Home) -> None:
    home.flow("deadly", tool("a", "fake.slow"), tool("b", params={"x": 1}))
    async with AsyncExitStack() as stack:
        last = await stack.enter_async_context(home.working())
        run_id = await start(last, "deadly")
        for number in range(1, 6):
            await busy(home, calls=number)
            clock = FakeClock(ahead=3600 * number)
            last = await stack.enter_async_context(home.working(clock=clock))
        await rest(last, run_id, expect=RunStatus.DEAD_LETTER)
        code, message = await error_of(last, run_id)
        assert code == "recovery_limit"
        assert "5 times" in message
        assert len(home.tools.calls) == 5
        home.tools.release()
        await retry(last, run_id)
        await rest(last, run_id, expect=RunStatus.COMPLETED)
        assert (await last.runs.step(run_id, "a")).attempt == 2


async def test_a_defect_that_meets_every_work_on_a_run_makes_it_a_dead_letter_with_the_reason(
    home: Home,
) -> None:
    home.flow("odd", tool("a", params={"x": 1}), approval("ok"), tool("b", params={"x": 2}))
    faults = FakeFaults()
    async with home.working(clock=slow_clock(), faults=faults, lease_seconds=0.05) as engine:
        shown = await pending_approval(engine, await start(engine, "odd"))
        for _ in range(MAX_FAILED_WORKS):
            faults.fail("before_commit")
        await engine.requests.approve(shown.approval_id, actor=BOB)

        async def ended() -> bool:
            return (await engine.runs.summary(shown.run_id)).status is RunStatus.DEAD_LETTER

        await until(ended)
        code, message = await error_of(engine, shown.run_id)
        assert code == "work_failed"
        assert "RuntimeError" in message


async def test_a_defect_in_the_same_call_every_time_makes_its_run_a_dead_letter(home: Home) -> None:
    home.flow("odd", tool("a", params={"x": 1}))
    faults = FakeFaults()
    async with home.working(clock=slow_clock(), faults=faults, lease_seconds=0.05) as engine:
        for _ in range(MAX_FAILED_WORKS):
            faults.fail("before_tool", "tool")
        run_id = await start(engine, "odd")

        async def ended() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.DEAD_LETTER

        await until(ended)
        code, _ = await error_of(engine, run_id)
        assert code == "work_failed"


async def test_a_defect_that_passes_leaves_no_count(home: Home) -> None:
    home.flow("odd", *(tool(f"s{number}", params={"x": number}) for number in range(4)))
    faults = FakeFaults()
    async with home.working(clock=slow_clock(), faults=faults, lease_seconds=0.05) as engine:
        for _ in range(2):
            for _ in range(MAX_FAILED_WORKS - 1):
                faults.fail("before_tool", "tool")
            await rest(engine, await start(engine, "odd"), expect=RunStatus.COMPLETED)


async def test_what_the_body_raises_comes_out_as_it_is(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    async with home.open() as engine:
        run_id = await start(engine, "slow")

        async def work() -> None:
            async with engine.work():
                await busy(home)
                raise LookupError("mine")

        with pytest.raises(LookupError) as caught:  # not an ExceptionGroup
            await work()
        assert type(caught.value) is LookupError
        assert (await engine.runs.summary(run_id)).held_by is None


async def test_a_cancelled_body_drains_as_well(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    async with home.open() as engine:

        async def work() -> None:
            async with engine.work():
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        run_id = await start(engine, "slow")
        await busy(home)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await engine.runs.summary(run_id)).held_by is None
        assert await engine.workers() == ()
    assert home.tools.under_way == 0


@pytest.mark.parametrize(
    "point", ["before_commit", "after_commit", "before_tool", "after_tool", "before_document"]
)
async def test_a_bug_in_one_runs_session_does_not_stop_the_others(
    home: Home, point: str, caplog: pytest.LogCaptureFixture
) -> None:
    home.flow("fine", tool("a", params={"x": 1}))
    home.flow("hit", form("word"), tool("b", params={"x": 2}))
    faults = FakeFaults()
    async with home.working(clock=slow_clock(), faults=faults, lease_seconds=0.3) as engine:
        run_id = await start(engine, "hit")
        asked = await pending_form(engine, run_id)
        faults.fail(point)
        await engine.requests.answer(asked.request_id, {"word": "go"}, actor=ANN)

        async def hit() -> bool:
            return "ended unexpectedly" in caplog.text

        await until(hit)
        await asyncio.gather(*(finished(engine, "fine") for _ in range(3)))
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.output == {"x": 2}
        history = await kinds(engine, run_id)
        assert history.count("run_completed") == 1
        assert history.count("step_started") == 2


async def test_a_worker_holds_no_more_runs_than_it_has_slots(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    async with home.open() as engine:
        runs = [await start(engine, "slow") for _ in range(4)]
        async with engine.work(slots=2) as worker:
            await busy(home, calls=2)
            runs += [await start(engine, "slow") for _ in range(2)]
            (view,) = await engine.workers()
            assert (view.worker_id, view.runs_held, view.alive) == (worker.worker_id, 2, True)
            home.tools.release()
            for run_id in runs:
                await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert home.tools.most_at_once == 2


async def idle_work(engine: Engine) -> None:
    async with engine.work() as worker:
        await worker.idle()


class FakeCountingJournal(MemoryJournal):
    """Counts how often a worker looks for runs that are ready."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    async def any_ready(self, uptime: int) -> bool:
        self.looks += 1
        return await super().any_ready(uptime)


async def test_who_waits_for_quiet_keeps_nobody_busy(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    journal = FakeCountingJournal()
    async with home.open(journal=journal) as engine, engine.work() as worker:
        run_id = await start(engine, "slow")
        await busy(home)
        waiting = asyncio.create_task(worker.idle())
        before = journal.looks
        for _ in range(200):
            await engine.runs.summary(run_id)
        assert journal.looks - before < 20
        assert not waiting.done()
        home.tools.release()
        await waiting
        assert (await engine.runs.summary(run_id)).status is RunStatus.COMPLETED


async def test_idle_returns_when_only_people_can_move_runs_on(home: Home, each_journal: Journal) -> None:
    policy = {"max_attempts": 2, "backoff_seconds": 0.02}
    home.flow("try", tool("a", "fake.flaky", params={"fails": 1}, retry=policy), form("word"))
    async with home.open(journal=each_journal) as engine:
        runs = [await start(engine, "try") for _ in range(3)]
        await idle_work(engine)
        for run_id in runs:
            assert (await engine.runs.summary(run_id)).status is RunStatus.PENDING_USER_INPUT
        await idle_work(engine)
