"""Failures of the journal and cancelled callers: nothing is lost, nobody is left holding a run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import CancelMode, RunStatus
from engine.contracts.tool import ToolSpec
from engine.errors import ErrorCode, Unavailable
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.clock import SystemClock
from engine.runtime.processes import process_name
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    failed,
    finished,
    form,
    kinds,
    pending_form,
    rest,
    retry,
    start,
    tool,
    until,
)
from tests.engine.runtime.fake_clock import slow_clock
from tests.engine.runtime.workers.test_runs_that_come_back import change
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from engine.journal.records import NewRun
    from engine.journal.sqlite.journal import SqliteJournal
    from engine.tools.context import ToolContext


class FakeFailingJournal(MemoryJournal):
    """Fails the next call of each method in `failing`, before anything is written."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: set[str] = set()

    def __getattribute__(self, name: str) -> Any:
        if name in object.__getattribute__(self, "__dict__").get("failing", ()):
            self.failing.discard(name)
            raise Unavailable(ErrorCode.DISK_FULL, f"no space left for {name}")
        return super().__getattribute__(name)


class FakeSlowJournal(MemoryJournal):
    """Says that a run was created only when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.created = asyncio.Event()
        self.go_on = asyncio.Event()

    async def create_run(self, run: NewRun) -> tuple[str, bool]:
        result = await super().create_run(run)
        self.created.set()
        await self.go_on.wait()
        return result


@pytest.mark.parametrize(
    "method",
    ["append", "claim", "any_ready", "fire_timers", "next_timer", "heartbeat", "request_rows"],
)
async def test_a_journal_that_fails_for_a_moment_loses_nothing(home: Home, method: str) -> None:
    wait = {"max_attempts": 2, "backoff_seconds": 0.02}
    home.flow(
        "all",
        tool("a", "fake.flaky", params={"fails": 1}, retry=wait),
        form("word"),
        tool("b", params={"x": 1}),
    )
    journal = FakeFailingJournal()
    async with home.open(journal=journal, clock=slow_clock(), lease_seconds=0.3) as engine, engine.work():
        journal.failing.add(method)
        run_id = await start(engine, "all")

        async def has_failed() -> bool:
            return method not in journal.failing

        await until(has_failed)
        asked = await pending_form(engine, run_id)
        await engine.requests.answer(asked.request_id, {"word": "x"}, actor=ANN)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.output == {"x": 1}
        assert home.document(run, "output/response.json")["status"] == "COMPLETED"


async def test_a_start_that_the_disk_refuses_leaves_nothing(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    journal = FakeFailingJournal()
    async with home.open(journal=journal) as engine, engine.work(slots=1) as worker:
        journal.failing.add("create_run")
        with pytest.raises(Unavailable):
            await start(engine, "one")
        await worker.idle()
        assert (await engine.runs.list()).items == ()
        await finished(engine, "one")


async def test_a_start_that_is_cancelled_leaves_no_run_behind_that_nobody_works(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    journal = FakeSlowJournal()
    async with home.open(journal=journal) as engine, engine.work(slots=1):
        starting = asyncio.create_task(start(engine, "one"))
        await journal.created.wait()
        starting.cancel()
        journal.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await starting
        (run,) = (await engine.runs.list()).items
        await rest(engine, run.run_id, expect=RunStatus.COMPLETED)
        await finished(engine, "one")


async def test_the_same_key_at_once_on_two_engines_is_one_run(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    async with home.working() as first, home.working() as second:
        runs = await asyncio.gather(
            *(
                engine.runs.start("demo", "one", {"n": 1}, actor=ANN, idempotency_key="k")
                for engine in (first, second, first, second)
            )
        )
        assert len({run.run_id for run in runs}) == 1
        await rest(first, runs[0].run_id, expect=RunStatus.COMPLETED)
    assert len(home.tools.calls) == 1


@pytest.mark.parametrize("mode", list(CancelMode))
async def test_a_run_left_mid_step_is_cancelled_without_a_worker(home: Home, mode: CancelMode) -> None:
    home.flow("slow", tool("a", "fake.slow"), tool("b"))
    async with home.open() as engine:
        async with engine.work():
            run_id = await start(engine, "slow")

            async def busy() -> bool:
                return home.tools.under_way == 1

            await until(busy)
        result = await engine.runs.cancel(run_id, actor=ANN, mode=mode)
        assert (result.status, result.changed) == (RunStatus.CANCELLED, True)


@pytest.mark.parametrize("path", ["/a\0b", "/" + "n" * 300, "loop"])
async def test_an_attachment_that_cannot_be_looked_at_is_only_listed(
    home: Home, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    loop = home.root / "loop"
    loop.symlink_to(loop)
    home.flow("look", tool("a", "fake.fail"))
    async with home.working(clock=slow_clock(), lease_seconds=0.3) as engine:
        given = str(loop) if path == "loop" else path
        run = await failed(engine, "look", {"files": [{"name": "x.txt", "path": given}]})
        (listed,) = home.document(run, "input/attachments.json")
        assert (listed["name"], listed["source"]) == ("x.txt", "ref")
    assert caplog.text == ""


async def test_a_step_that_is_retried_while_its_call_still_ends_is_called_after_that(home: Home) -> None:
    begun, ending, may_end = 0, asyncio.Event(), asyncio.Event()

    async def slow_to_end(_params: dict[str, Any], _context: ToolContext) -> Any:
        nonlocal begun
        begun += 1
        if begun == 1:
            try:
                await asyncio.Event().wait()
            finally:
                ending.set()
                await may_end.wait()
        return {}

    home.tools.registry.register(ToolSpec(name="fake.stubborn"), home.tools.counted(slow_to_end))
    branches = [[tool("a", "fake.stubborn")]]
    home.flow("all", {"id": "all", "type": "parallel", "timeout": 60, "branches": branches})
    clock = slow_clock()
    async with home.working(clock=clock, lease_seconds=0.3) as engine:
        run_id = await start(engine, "all")

        async def called() -> bool:
            return begun == 1

        await until(called)
        clock.ahead += 61
        await ending.wait()
        await retry(engine, run_id)

        async def started_again() -> bool:
            return (await kinds(engine, run_id)).count("step_started") == 3

        await until(started_again)
        may_end.set()
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert (begun, home.tools.most_at_once) == (2, 1)


class FakeBrokenJournal(MemoryJournal):
    """Fails once in each way that no journal knows of, or for good with `lasting`."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: set[str] = set()
        self.lasting: Exception | None = None

    def _fail_once(self, name: str) -> None:
        if self.lasting is not None:
            raise self.lasting
        if name in self.broken:
            self.broken.discard(name)
            raise RuntimeError("can't start new thread")

    async def heartbeat(self, *arguments: Any, **named: Any) -> None:
        self._fail_once("heartbeat")
        await super().heartbeat(*arguments, **named)

    async def any_ready(self, now: int) -> bool:
        self._fail_once("any_ready")
        return await super().any_ready(now)


async def test_a_worker_goes_on_after_a_failure_that_nobody_foresaw(home: Home) -> None:
    home.flow("quick", tool("a", params={"x": 1}))
    journal = FakeBrokenJournal()
    async with home.working(journal=journal, lease_seconds=0.3, pack_watch="off") as engine:
        journal.broken = {"heartbeat", "any_ready"}

        async def failed_in_both() -> bool:
            return not journal.broken

        await until(failed_in_both)
        assert (await finished(engine, "quick")).output == {"x": 1}


LASTING = [RuntimeError("a bug that stays"), Unavailable(ErrorCode.DISK_FULL, "no space left")]


@pytest.mark.parametrize("lasting", LASTING, ids=["defect", "full disk"])
async def test_whoever_waits_for_a_worker_hears_what_keeps_it_from_working_and_the_log_is_not_filled(
    home: Home, lasting: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    journal = FakeBrokenJournal()
    async with (
        home.open(journal=journal, lease_seconds=0.03, pack_watch="off") as engine,
        engine.work() as worker,
    ):
        journal.lasting = lasting
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(type(lasting)):
                await worker.idle()
        journal.lasting = None
    rounds = [record for record in caplog.records if "a round of the worker" in record.message]
    assert 1 <= len(rounds) <= 7  # of up to 60 that failed


class FakeLeaving(MemoryJournal):
    """Cannot give a run back when its worker leaves."""

    async def release(self, run_id: str, epoch: int, *, ready: bool) -> None:
        raise Unavailable(ErrorCode.JOURNAL_LOCKED, f"{run_id} is locked")


async def test_a_worker_that_cannot_give_a_run_back_is_registered_no_more(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    journal = FakeLeaving()
    async with home.open(journal=journal) as engine:
        async with engine.work():
            await start(engine, "slow")

            async def busy() -> bool:
                return home.tools.under_way == 1

            await until(busy)
        assert await journal.workers() == []


NO_TEXT = "CAST(x'ff' AS TEXT)"
ODD_PROCESS = process_name(1).rpartition("/")[0].rpartition("/")[0] + "/x/1"


@pytest.mark.parametrize(
    "column", [f"host = {NO_TEXT}", f"process = {NO_TEXT}", f"process = '{ODD_PROCESS}'"]
)
async def test_a_worker_whose_row_is_damaged_keeps_no_other_from_working(
    home: Home, journal: SqliteJournal, column: str
) -> None:
    uptime = SystemClock().uptime()
    await journal.heartbeat("wrk_1", "host", 1, uptime, uptime + 10**12, process="other/1/1/1")
    await change(home, f"UPDATE workers SET {column}")
    home.flow("quick", tool("a", params={"x": 1}))
    async with home.working() as engine:
        await finished(engine, "quick")
        assert [worker for worker in await engine.workers() if worker.worker_id != "wrk_1"]
