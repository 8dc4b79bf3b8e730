"""Service levels: what is read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from engine.journal.alert_rows import AlertRow, AlertWithEnd
    from engine.journal.rules.levels.levels import HourRow, Levels
    from engine.slo.sums import PackSums, SumsAsked


class ChangedLevel(NamedTuple):
    """A pack of a tenant, and the mark of its last change."""

    tenant: str
    pack: str
    mark: int


class LevelSpan(NamedTuple):
    """From one tenant and pack to another in their order, both included; of `packs` only, if any is named."""

    first: tuple[str, str]
    last: tuple[str, str]
    packs: frozenset[str] = frozenset()


class LevelSums(Protocol):
    """What the list of very many packs is made of."""

    async def changed(self, mark: int, tenant: str | None) -> Sequence[ChangedLevel]:
        """Packs of a tenant, or of all, that changed after a mark, in order; -1 is before the first."""
        ...

    async def sums(self, span: LevelSpan, asked: SumsAsked) -> Sequence[PackSums]:
        """What was counted of the packs of a span, in order, without those of which nothing was."""
        ...

    async def recent(self, places: Collection[tuple[str, str]], moment: int, now: int) -> Levels:
        """Runs of these packs (good, bad) in stretches that end after a moment and began until `now`."""
        ...


class LevelReads(LevelSums, Protocol):
    """What was counted of runs that ended (rules/levels/levels.py)."""

    async def since(self, moment: int, tenant: str | None, pack: str | None = None) -> Levels:
        """Counts of the packs of a tenant, or of all, or of one, in stretches that end after a moment."""
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
