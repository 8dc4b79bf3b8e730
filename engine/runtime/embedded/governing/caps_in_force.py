"""The caps in force now: those of the settings, and those that people set."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from engine.contracts.governing.budget import CapScope, CapWindow
from engine.errors import InvalidInput
from engine.journal.rules.spending.holding import set_cap
from engine.runtime.embedded.governing.late_questions import is_current
from engine.runtime.processes import boot_id
from engine.runtime.views.cap_views import CapViews

if TYPE_CHECKING:
    from engine.budget.caps import Cap
    from engine.budget.settings import BudgetSettings
    from engine.contracts.governing.budget import CapView
    from engine.journal.rules.spend_store import Spending
    from engine.journal.spend_rows import ActRow, HoldRow, WaitingRow
    from engine.runtime.clock import Clock

MOST = 10**18
"""Billionths that a cap or a top-up has at the most: a billion dollars."""


def require_top_up(amount: int) -> None:
    """Raise InvalidInput for an amount, in billionths, that no cap can be topped up by."""
    if not 0 < amount <= MOST:
        raise InvalidInput("a top-up is an amount above 0, and at most a billion dollars")


class CapsInForce:
    """Reads the caps in force, and knows when their windows begin."""

    def __init__(self, money: Spending, clock: Clock, settings: BudgetSettings) -> None:
        self._money = money
        self._clock = clock
        self._time_zone = settings.time_zone
        self._zone: ZoneInfo | None = None
        self._boot: str | None = None
        self.of_settings: tuple[Cap, ...] = tuple(one.cap for one in settings.caps)

    async def zone(self) -> ZoneInfo:
        """The time zone in which windows begin; its file is read once, in a thread."""
        if self._zone is None:
            self._zone = await asyncio.to_thread(ZoneInfo, self._time_zone)
        return self._zone

    async def all(self) -> tuple[Cap, ...]:
        """Those of the settings first."""
        return (*self.of_settings, *map(set_cap, await self._money.caps()))

    async def views(self) -> CapViews:
        """How they stand now."""
        zone, caps, holds = await self.zone(), await self.all(), await self.holds()
        return CapViews(self._money, caps, self._clock.now(), zone, holds)

    async def holds(self) -> list[HoldRow]:
        """What is held for calls under way: of those that nobody can be making any more the journal is told
        only when the next call begins."""
        found = await self._money.holds()
        if found and self._boot is None:
            self._boot = await asyncio.to_thread(boot_id)
        uptime = self._clock.uptime()
        return [one for one in found if one["boot_id"] == self._boot and one["deadline"] >= uptime]

    async def view_of(self, row: ActRow | WaitingRow) -> CapView | None:
        """How the cap that a row is about stands now; None where it is gone."""
        scope, window = CapScope(row["scope"]), CapWindow(row["cap_window"])
        return await (await self.views()).one(scope, row["tenant"], row["name"], window)

    async def is_current(self, row: ActRow | WaitingRow) -> bool:
        """Whether the window that a row is about is the one in force."""
        return is_current(row["cap_window"], row["since"], self._clock.now(), await self.zone())
