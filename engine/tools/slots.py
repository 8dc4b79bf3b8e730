"""How many calls of one tool this process makes at once, in all and for one tenant."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from engine.tools.failure import not_begun

if TYPE_CHECKING:
    from engine.tools.context import ToolLimits

IN_ALL = "tools.max_concurrent_per_tool"
OF_A_TENANT = "tools.max_concurrent_per_tenant"


@dataclass(slots=True)
class _Calls:
    """Of one tool: those under way, in all and by tenant, and those that wait, in the order they came."""

    under_way: int = 0
    by_tenant: dict[str, int] = field(default_factory=dict)
    waiting: deque[tuple[str, asyncio.Future[None]]] = field(default_factory=deque)


class ToolSlots:
    """The slots of every tool. Who waits for one of its tenant's holds up no other tenant."""

    def __init__(self, limits: ToolLimits) -> None:
        self._in_all = limits.calls_at_once
        self._of_a_tenant = limits.calls_at_once_of_a_tenant
        self._tools: dict[str, _Calls] = {}

    async def take(self, tool: str, tenant: str, seconds: float) -> float:
        """Wait until a call may begin; for how long that was. Raises ToolFailure after `seconds`."""
        calls = self._tools.get(tool)
        if calls is None:
            calls = self._tools[tool] = _Calls()
        full = self._full(calls, tenant)
        if full is None:
            _enter(calls, tenant)
            return 0.0
        since = time.monotonic()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        calls.waiting.append((tenant, turn))
        try:
            async with asyncio.timeout(seconds):
                await turn
        except (asyncio.CancelledError, TimeoutError) as stopped:
            if turn.cancelled():
                calls.waiting.remove((tenant, turn))
            else:  # its turn had come just now
                self.give_back(tool, tenant)
            if isinstance(stopped, TimeoutError):
                raise not_begun(tool, seconds, *full) from stopped
            raise
        return time.monotonic() - since

    def give_back(self, tool: str, tenant: str) -> None:
        """A call is over: who waits and fits now begins."""
        calls = self._tools[tool]
        calls.under_way -= 1
        calls.by_tenant[tenant] -= 1
        if not calls.by_tenant[tenant]:
            del calls.by_tenant[tenant]
        if calls.waiting:
            self._let_in(calls)
        elif not calls.under_way:
            del self._tools[tool]

    def _let_in(self, calls: _Calls) -> None:
        for tenant, turn in tuple(calls.waiting):
            if not turn.done() and self._full(calls, tenant) is None:
                calls.waiting.remove((tenant, turn))
                _enter(calls, tenant)
                turn.set_result(None)

    def _full(self, calls: _Calls, tenant: str) -> tuple[str, int] | None:
        """The limit that a call of the tenant would pass, with its value."""
        if calls.under_way >= self._in_all:
            return IN_ALL, self._in_all
        if calls.by_tenant.get(tenant, 0) >= self._of_a_tenant:
            return OF_A_TENANT, self._of_a_tenant
        return None


def _enter(calls: _Calls, tenant: str) -> None:
    calls.under_way += 1
    calls.by_tenant[tenant] = calls.by_tenant.get(tenant, 0) + 1


class ToolSlot:
    """The slot of one call, held within the context. `waited`: for how many seconds it waited for it."""

    def __init__(self, slots: ToolSlots, tool: str, tenant: str, seconds: float) -> None:
        self._slots = slots
        self._tool = tool
        self._tenant = tenant
        self._seconds = seconds
        self.waited = 0.0

    async def __aenter__(self) -> Self:
        """Raises ToolFailure for one that cannot be had within `seconds`."""
        self.waited = await self._slots.take(self._tool, self._tenant, self._seconds)
        return self

    async def __aexit__(self, *_raised: object) -> None:
        self._slots.give_back(self._tool, self._tenant)
