"""Of one tool so many calls are made at once, of one tenant so many; who waits does so for its deadline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import StepErrorCode
from engine.tools.context import ToolLimits
from engine.tools.failure import ToolFailure
from engine.tools.slots import ToolSlot, ToolSlots
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Calls:
    """Calls that are under way until they are ended; `begun` in the order in which they began."""

    def __init__(self, in_all: int, of_a_tenant: int = 100) -> None:
        self._slots = ToolSlots(ToolLimits(calls_at_once=in_all, calls_at_once_of_a_tenant=of_a_tenant))
        self.begun: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    def slot(self, tool: str = "a.tool", tenant: str = "acme", seconds: float = PATIENCE) -> ToolSlot:
        return ToolSlot(self._slots, tool, tenant, seconds)

    async def begin(
        self, name: str, tool: str = "a.tool", tenant: str = "acme", seconds: float = PATIENCE
    ) -> None:
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._call(name, self.slot(tool, tenant, seconds)))
        await turns()

    async def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
        await finished(*(self.tasks[name] for name in names))
        await turns()

    async def _call(self, name: str, slot: ToolSlot) -> None:
        async with slot:
            self.begun.append(name)
            await self._ends[name].wait()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def finished(*calls: asyncio.Task[None] | Coroutine[None, None, None]) -> None:
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*calls)


async def test_calls_past_the_limit_wait_and_begin_in_the_order_they_came() -> None:
    calls = Calls(in_all=2)
    for name in "abcd":
        await calls.begin(name)
    await calls.begin("of another tool", "b.tool")
    assert calls.begun == ["a", "b", "of another tool"]
    await calls.end("b")
    assert calls.begun[3:] == ["c"]
    await calls.end("a", "c", "d", "of another tool")
    assert calls.begun[3:] == ["c", "d"]


async def test_a_tenant_whose_calls_wait_holds_up_no_other() -> None:
    calls = Calls(in_all=3, of_a_tenant=2)
    for name in "abc":
        await calls.begin(name)
    assert calls.begun == ["a", "b"]
    await calls.begin("d", tenant="globex")
    assert calls.begun == ["a", "b", "d"]
    await calls.begin("e", tenant="globex")
    await calls.end("d")
    assert calls.begun == ["a", "b", "d", "e"]
    await calls.end("a", "b", "c", "e")
    assert calls.begun[4:] == ["c"]


@pytest.mark.parametrize(
    ("limits", "named", "value"),
    [((1, 5), "tools.max_concurrent_per_tool", 1), ((5, 1), "tools.max_concurrent_per_tenant", 1)],
)
async def test_a_call_that_waits_past_its_deadline_fails_naming_the_limit(
    limits: tuple[int, int], named: str, value: int
) -> None:
    calls = Calls(*limits)
    await calls.begin("a")
    with pytest.raises(ToolFailure) as failed:
        async with asyncio.timeout(PATIENCE), calls.slot(seconds=0.01):
            pytest.fail("it began")
    assert failed.value.code is StepErrorCode.TIMEOUT
    assert failed.value.details == {"timeout": 0.01, "limit": named, "value": value}
    assert named in failed.value.message
    await calls.begin("b")
    await calls.end("a")
    assert calls.begun == ["a", "b"]
    await calls.end("b")


async def test_a_call_that_is_cancelled_while_it_waits_takes_no_slot_along() -> None:
    calls = Calls(in_all=1)
    for name in "abc":
        await calls.begin(name)
    calls.tasks["b"].cancel()
    await calls.end("a")
    assert calls.begun == ["a", "c"]
    await calls.end("c")
    await calls.begin("d")
    assert calls.begun == ["a", "c", "d"]
    await calls.end("d")


async def test_a_call_that_is_cancelled_just_as_its_turn_comes_hands_it_on() -> None:
    calls = Calls(in_all=1)
    held = calls.slot()
    async with held:
        await calls.begin("b")
        await calls.begin("c")
    calls.tasks["b"].cancel()
    await turns()
    assert calls.begun == ["c"]
    await calls.end("c")


async def test_a_call_that_raises_or_is_cancelled_gives_its_slot_back() -> None:
    calls = Calls(in_all=1)
    with pytest.raises(ZeroDivisionError):
        async with calls.slot():
            raise ZeroDivisionError
    await calls.begin("a")
    calls.tasks["a"].cancel()
    await turns()
    await calls.begin("b")
    assert calls.begun == ["a", "b"]
    await calls.end("b")
