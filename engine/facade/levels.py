"""The facade's part for service levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.contracts.slo import ServiceLevel, ServiceLevelDetail


class ServiceLevels(Protocol):
    """Whether packs keep what they promise. `window_days` (1 to 90) replaces the window of every pack."""

    async def list(self, *, window_days: int | None = None) -> tuple[ServiceLevel, ...]:
        """Every pack in every tenant where its runs ended, and packs without any; the worst first.

        Raises InvalidInput (window).
        """
        ...

    async def get(
        self, pack: str, *, tenant: str | None = None, window_days: int | None = None
    ) -> ServiceLevelDetail:
        """One of them in full; without `tenant` that of the worst. Raises NotFound, InvalidInput (window)."""
        ...
