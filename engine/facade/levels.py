"""The facade's part for service levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.contracts.actor import Actor
    from engine.contracts.governing.slo import AlertKind, ServiceLevel, ServiceLevelDetail, SloState, Trend


BURN_HOURS = (1, 6, 24, 72)
"""Over how many hours runs are told to burn the budget, in the order of the rules of alerts."""


class LevelSummary(NamedTuple):
    """A pack's service level in one tenant, as far as a list of very many tells it.

    The fields are those of `ServiceLevel`; `burns` are those of the last hours (`BURN_HOURS`), `waited_ms`
    is how long people took, all together, `alerts` are those that hold, the most urgent first.
    """

    tenant: str
    pack: str
    state: SloState
    window_days: int
    runs: int
    failed: int
    success_rate: float | None
    goal: float
    may_fail: int
    allowed: int
    p50_ms: int | None
    p95_ms: int | None
    p95_goal_ms: int
    worked_ms: int = 0
    waited_ms: int = 0
    flagged: int = 0
    doubtful: int = 0
    stated: int = 0
    burns: tuple[float, ...] = (0.0,) * len(BURN_HOURS)
    runs_out: datetime | None = None
    alerts: tuple[AlertKind, ...] = ()


class ServiceLevels(Protocol):
    """Whether packs keep what they promise. `window_days` (1 to 90) replaces the window of every pack."""

    async def list(self, *, window_days: int | None = None) -> tuple[ServiceLevel, ...]:
        """Every pack in every tenant where its runs ended, and packs without any; the worst first.

        Raises InvalidInput (window).
        """
        ...

    async def summaries(self, *, window_days: int | None = None) -> Sequence[LevelSummary]:
        """The same packs in the same order, in short. Asked again it reads only what changed meanwhile.

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
