"""Steps that wait: the run is parked, holds no slot, and goes on when its moment has come."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.moment import MOMENT_WORDS
from engine.contracts.status import RunStatus, WaitKind
from engine.errors import PackInvalid
from engine.journal.memory.journal import MemoryJournal
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    error_of,
    failed,
    finished,
    form,
    kinds,
    pending_form,
    rest,
    start,
    tool,
    until,
)
from tests.engine.runtime.fake_clock import FakeClock
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from engine.journal.port import Journal

HOUR = 3600.0


def wait(**fields: Any) -> dict[str, Any]:
    return {"id": "w", "type": "wait", **fields}


AFTER = tool("a", params={"x": 1})


@pytest.mark.parametrize(
    "fields",
    [{"duration": 0.05}, {"duration": "50ms"}, {"duration": "{{ payload.seconds }}"}, {"duration": 0}],
)
async def test_a_run_goes_on_after_its_wait(home: Home, fields: dict[str, Any]) -> None:
    home.flow("job", wait(**fields), AFTER)
    async with home.working() as engine:
        run = await finished(engine, "job", {"seconds": 0.05})
        assert run.output == {"x": 1}


class FakeSlowReader(MemoryJournal):
    """Brings what the timers were when it was asked, once it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def next_timer(self) -> int | None:
        found = await super().next_timer()
        self.asked.set()
        await self.may_answer.wait()
        return found


async def test_a_timer_that_is_set_while_timers_are_read_is_not_forgotten(home: Home) -> None:
    home.flow("job", wait(duration=0.05), AFTER)
    journal = FakeSlowReader()
    async with home.working(journal=journal, lease_seconds=10 * PATIENCE, pack_watch="off") as engine:
        await journal.asked.wait()
        run_id = await start(engine, "job")

        async def waits() -> bool:
            return "wait_started" in await kinds(engine, run_id)

        await until(waits)
        journal.may_answer.set()
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_run_waits_for_a_moment_and_one_that_is_over_is_not_waited_for(home: Home) -> None:
    home.flow("job", wait(until="{{ payload.at }}"), AFTER)
    async with home.working() as engine:
        past = await finished(engine, "job", {"at": "2020-01-01T08:00:00+01:00"})
        assert "wait_started" not in await kinds(engine, past.run_id)
        soon = datetime.now(UTC) + timedelta(seconds=0.3)
        run = await finished(engine, "job", {"at": soon.isoformat()})
        assert run.finished_at is not None
        assert run.finished_at >= soon


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"duration": "{{ payload.x }}"}, "`duration`: expected seconds, or a text such as"),
        ({"until": "{{ payload.x }}"}, "`until`: expected a moment with its offset"),
        ({"until": "2999-01-01T00:00:00Z"}, "at most a year long"),
    ],
)
async def test_what_is_no_time_fails_the_step(home: Home, fields: dict[str, Any], words: str) -> None:
    home.flow("job", wait(**fields), AFTER)
    async with home.working() as engine:
        code, message = await error_of(engine, (await failed(engine, "job", {"x": "soon"})).run_id)
        assert code == "invalid_input"
        assert words in message


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"])
async def test_a_moment_that_is_of_no_year_in_utc_is_none(home: Home, at: str) -> None:
    home.flow("job", wait(until="{{ payload.at }}"), AFTER)
    async with home.working() as engine:
        code, message = await error_of(engine, (await failed(engine, "job", {"at": at})).run_id)
        assert (code, message) == ("invalid_input", f"step w: `until`: expected {MOMENT_WORDS}")


async def test_a_flow_that_names_such_a_moment_is_refused_when_it_is_loaded(home: Home) -> None:
    home.flow("job", wait(until="9999-12-31T23:59:59-12:00"), AFTER)
    async with home.working() as engine:
        with pytest.raises(PackInvalid, match="a moment with its offset"):
            await start(engine, "job", {})


async def test_a_waiting_run_holds_no_slot_and_says_until_when(home: Home) -> None:
    home.flow("job", wait(duration="{{ payload.for }}"), AFTER, concurrency=1)
    async with home.working() as engine:
        first = await start(engine, "job", {"for": "2h"})
        await until(lambda: is_waiting(engine, first))
        assert (await finished(engine, "job", {"for": 0})).status is RunStatus.COMPLETED
        waiting = await engine.runs.summary(first)
        assert waiting.held_by is None
        assert waiting.waiting_for is not None
        assert waiting.waiting_for.kind is WaitKind.MOMENT
        assert waiting.waiting_for.text.startswith("until ")
        assert (await engine.runs.counts()).runs[RunStatus.WAITING] == 1
        assert (await engine.runs.cancel(first, actor=ANN)).changed
        await rest(engine, first, expect=RunStatus.CANCELLED)


async def is_waiting(engine: Any, run_id: str) -> bool:
    return (await engine.runs.summary(run_id)).status is RunStatus.WAITING


async def test_a_time_keeps_its_length_when_the_clock_is_set_and_a_moment_is_that_of_the_clock(
    home: Home,
) -> None:
    home.flow("time", wait(duration="1h"), AFTER)
    home.flow("moment", wait(until="{{ payload.at }}"), AFTER)
    clock = FakeClock()
    async with home.working(clock=clock, lease_seconds=0.3) as engine:
        at = datetime.fromtimestamp(clock.now() / 1e6, UTC) + timedelta(hours=1)
        time, moment = await start(engine, "time"), await start(engine, "moment", {"at": at.isoformat()})
        await until(lambda: is_waiting(engine, time))
        await until(lambda: is_waiting(engine, moment))
        clock.set_by(2 * HOUR)
        await rest(engine, moment, expect=RunStatus.COMPLETED)
        assert await is_waiting(engine, time)
        clock.ahead += 1.1 * HOUR
        await rest(engine, time, expect=RunStatus.COMPLETED)


async def test_a_run_says_until_when_it_waits_also_after_the_clock_was_set(
    home: Home, each_journal: Journal
) -> None:
    home.flow(
        "time",
        {
            "id": "both",
            "type": "parallel",
            "branches": [[wait(duration="1h")], [form("ask"), form("more")]],
        },
        AFTER,
    )
    clock = FakeClock()
    async with home.open(journal=each_journal, clock=clock, lease_seconds=0.3) as engine, engine.work():
        run_id = await start(engine, "time")
        asked = await pending_form(engine, run_id)

        async def waits_for_a_time() -> bool:
            return await moment_of(engine, run_id) is not None

        await until(waits_for_a_time)
        before = await moment_of(engine, run_id)
        clock.set_by(-3 * HOUR)

        async def three_hours_less() -> bool:
            now = await moment_of(engine, run_id)
            assert before is not None
            assert now is not None
            return abs(before - now - timedelta(hours=3)) < timedelta(minutes=1)

        await until(three_hours_less)
        # another branch goes on: what the state holds is the moment by the old clock
        await engine.requests.answer(asked.request_id, {"word": "x"}, actor=ANN)
        await until(lambda: asks_again(engine, run_id, asked.request_id))
        assert await three_hours_less()


async def asks_again(engine: Engine, run_id: str, answered: str) -> bool:
    forms = await engine.requests.forms(run_id=run_id)
    return [form.request_id for form in forms.items] not in ([], [answered])


async def moment_of(engine: Engine, run_id: str) -> datetime | None:
    """Until when the run says that it waits; None when it waits for something else."""
    waits = (await engine.runs.summary(run_id)).waiting_for
    if waits is None or waits.kind is not WaitKind.MOMENT or waits.id is None:
        return None
    return datetime.fromisoformat(waits.id)


async def test_another_process_goes_on_after_the_wait(home: Home) -> None:
    home.flow("job", wait(duration=0.2), AFTER)
    async with home.working() as engine:
        run_id = await start(engine, "job")
        await until(lambda: is_waiting(engine, run_id))
    async with home.working() as engine:
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
