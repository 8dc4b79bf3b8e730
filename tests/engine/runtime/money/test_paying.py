"""Money for calls that begin in one process: what each holds says rightly until when it counts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.budget.admission import Balance
from engine.budget.caps import Limit
from engine.budget.price import Price, PriceSource, Rates
from engine.budget.price_book import QuotedPrice
from engine.budget.settings import BudgetSettings
from engine.contracts.governing.budget import CapScope, CapWindow
from engine.contracts.status import StepStatus
from engine.journal.changes import ChangeSet
from engine.journal.rules.spending.holding import Granted, OverHardCap
from engine.machine.model.state import Execution
from engine.models.conversation import ModelRequest
from engine.runtime.processes import boot_id
from engine.runtime.worker.steps.agents.meter import Meter
from engine.runtime.worker.steps.agents.paying import SPARE, Paying
from tests.engine.runtime.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.journal.port import Journal
    from engine.journal.rules.spending.holding import PaidCall
    from engine.runtime.worker.steps.calls.tool_call import CallSite


@dataclass
class FakeHolds:
    """A journal in which every call may begin."""

    begun: list[PaidCall] = field(default_factory=list)

    async def begin_call(self, call: PaidCall) -> Granted:
        self.begun.append(call)
        return Granted(call.most, capped=False)


@dataclass
class FakeFlow:
    layer: None = None


@dataclass
class FakeSite:
    row: dict[str, Any] = field(default_factory=lambda: {"run_id": "run_1", "tenant": "t", "pack": "p"})
    flow: FakeFlow = field(default_factory=FakeFlow)
    epoch: int = 1
    outermost: str = "run_1"


async def begin(paying: Paying, told: list[str] | None = None) -> None:
    request = ModelRequest(messages=())
    price = Price((Rates(0, 10**6, 10**6, 10**6),))
    quoted = QuotedPrice("fast", "openai", "m", price, PriceSource.SETTINGS)
    meter = Meter(quoted, "digest", 10, request, FakeClock().uptime)
    execution = Execution(path="work/0", step="work", type="model", status=StepStatus.RUNNING)
    site = cast("CallSite", FakeSite())

    async def tell(words: str) -> None:
        assert told is not None, words
        told.append(words)

    await paying.begin(site, execution, meter, request, 60.0, told=tell)


async def test_calls_that_begin_at_any_moment_of_a_worker_s_first_one_all_know_the_boot() -> None:
    holds = FakeHolds()
    paying = Paying(cast("Journal", holds), FakeClock(), BudgetSettings())
    async with asyncio.TaskGroup() as group:
        first = group.create_task(begin(paying))
        while not first.done():
            group.create_task(begin(paying))
            await asyncio.sleep(0)
    assert len(holds.begun) > 1
    assert {one.boot_id for one in holds.begun} == {boot_id()}


@dataclass
class FakeSlowHolds(FakeHolds):
    """One in which a call is held, of which whoever asked never hears."""

    held: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: list[tuple[str, int]] = field(default_factory=list)

    async def begin_call(self, call: PaidCall) -> Granted:
        await super().begin_call(call)
        self.held.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def lower_hold(self, hold_id: str, amount: int, tokens: tuple[int, int] = (0, 0)) -> None:
        assert not any(tokens)
        self.let_go.append((hold_id, amount))


async def test_of_a_call_that_is_cancelled_while_it_is_being_held_nothing_stays_held() -> None:
    holds = FakeSlowHolds()
    asking = asyncio.create_task(begin(Paying(cast("Journal", holds), FakeClock(), BudgetSettings())))
    await holds.held.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert holds.let_go == [(holds.begun[0].hold_id, 0)]


@dataclass
class FakeFullHolds(FakeHolds):
    """One in which another call holds all there is until the clock is `ahead`."""

    clock: FakeClock = field(default_factory=FakeClock)
    listeners: list[Callable[[ChangeSet], None]] = field(default_factory=list)

    async def begin_call(self, call: PaidCall) -> Any:
        if self.clock.ahead:
            return await super().begin_call(call)
        limit = Limit(CapScope.TENANT, CapWindow.TOTAL, "t", "t", None, 10, "settings")
        return OverHardCap(Balance(limit, spent=0, held=10), most=5, waits=True)

    def on_change(self, listener: Callable[[ChangeSet], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)


async def test_what_a_call_that_waited_holds_counts_as_long_as_that_of_one_that_did_not() -> None:
    holds, told = FakeFullHolds(), list[str]()
    asking = asyncio.create_task(begin(Paying(cast("Journal", holds), holds.clock, BudgetSettings()), told))
    while not holds.listeners and not asking.done():  # noqa: ASYNC110 - the loop has nothing else to do
        await asyncio.sleep(0)
    holds.clock.ahead = 3600.0
    holds.listeners[0](ChangeSet(foreign=True))
    await asking

    (call,) = holds.begun
    assert call.deadline - call.uptime == 60_000_000 + SPARE
    assert call.uptime >= 3_600_000_000
    assert (len(told), holds.listeners) == (1, [])
