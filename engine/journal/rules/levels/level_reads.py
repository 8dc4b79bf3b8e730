"""Service levels: what is read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from engine.journal.alert_rows import AlertRow, AlertWithEnd
    from engine.journal.rules.levels.levels import HourRow, Levels


class LevelReads(Protocol):
    """What was counted of runs that ended (rules/levels.py)."""

    async def since(self, moment: int, tenant: str | None) -> Levels:
        """Counts of the packs of a tenant, or of all, in stretches that end after a moment."""
        ...

    def pages(self, moment: int, tenant: str | None) -> AsyncIterator[Levels]:
        """The same, some packs at a time, so that those of ten thousand tenants need little room."""
        ...

    async def by_hour(self, moment: int, tenant: str | None) -> Sequence[HourRow]:
        """Sums of each pack and hour since a moment of the last three days, of a tenant or of all."""
        ...

    async def standing_alerts(self) -> Sequence[AlertRow]:
        """Alerts of every tenant that have not ended, in order."""
        ...

    async def newest_alerts(self, tenant: str, pack: str, limit: int) -> Sequence[AlertWithEnd]:
        """The newest alerts of a pack, the latest first."""
        ...

    async def alerts_after(self, place: int, limit: int) -> Sequence[AlertRow]:
        """What began and ended after a place, of every tenant, in order."""
        ...

    async def last_alert(self) -> int:
        """The newest place; 0 before the first."""
        ...
