"""The facade's part for service levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.contracts.actor import Actor
    from engine.contracts.governing.slo import ServiceLevel, ServiceLevelDetail, Trend


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

    async def trends(self, *, hours: int = 24) -> tuple[Trend, ...]:
        """The last `hours` (1 to 72), that under way included, of every pack of which a run ended in them.

        Raises InvalidInput (hours).
        """
        ...

    async def flag(self, run_id: str, comment: str, *, actor: Actor) -> bool:
        """Say that a run told what is not so: it counts for the hallucination rate of its pack, and stands in
        its history. False when somebody has said so already.

        Raises NotFound, Refused (`role_missing`, `decision_from_run`), InvalidInput: no comment, one of more
        than 500 characters, or a run that does not count.
        """
        ...

    async def unflag(self, run_id: str, comment: str, *, actor: Actor) -> bool:
        """Take that back; False when nobody has said so. Raises as `flag`; the comment may be empty."""
        ...

    async def exclude(self, run_id: str, reason: str, *, actor: Actor) -> bool:
        """Let a failed run not count, because of something that was no fault of its pack; it is kept in its
        history who said so and why. False when it does not count already.

        Raises NotFound, Refused (`role_missing`, `decision_from_run`), InvalidInput: no reason, one of more
        than 500 characters, or a run that does not count as failed.
        """
        ...
