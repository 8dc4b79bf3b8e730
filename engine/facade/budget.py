"""The facade's part for money: what was spent, and what may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.contracts.governing.budget import SpendBy

if TYPE_CHECKING:
    from datetime import datetime

    from engine.contracts.actor import Actor
    from engine.contracts.governing.budget import (
        AsShown,
        CapOf,
        Caps,
        CapTerms,
        CapView,
        Spending,
        SpendSum,
    )
    from engine.contracts.governing.outlook import SpendOutlook


class Budget(Protocol):
    """Money. Amounts are whole billionths of a US dollar."""

    async def spending(
        self,
        by: SpendBy = SpendBy.MODEL,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Spending:
        """What models used and cost, in the tenants of this view; zeros where nothing was.

        Times are taken down to a quarter of an hour.
        """
        ...

    async def of_run(self, run_id: str) -> SpendSum:
        """What a run has used together with those it was started by and those it started. Raises NotFound."""
        ...

    async def outlook(self, run_id: str, step_id: str) -> SpendOutlook:
        """What a run has cost, will cost after one of its steps as far as that can be learned from completed
        runs of its flow, and what is left for it. Raises NotFound.
        """
        ...

    async def caps(self, *, acts: int = 20) -> Caps:
        """The caps that hold in the tenants of this view, for everything that spent in their windows or has
        a cap of its own, the worst first; and the newest `acts`. A cap of runs is told once, as `*`.
        """
        ...

    async def cap(self, of: CapOf) -> CapView | None:
        """The cap that holds now for a tenant, pack or model, whether or not it has spent anything; that of
        runs is `*`, that of one is told by its id. None where none holds. Raises NotFound for a tenant or a
        run that is not in this view.
        """
        ...

    async def set_cap(
        self,
        of: CapOf,
        terms: CapTerms,
        *,
        actor: Actor,
        comment: str = "",
        seen: AsShown | None = None,
    ) -> None:
        """Set a cap, which counts from now on before the settings' one for the same.

        Nothing is done when the cap is not any more as it was `seen`. Raises Refused (`role_missing`,
        `decision_from_run`, `cap_changed`), InvalidInput for one that cannot hold, or to take back where is
        none.
        """
        ...

    async def top_up(
        self,
        of: CapOf,
        amount: int,
        *,
        actor: Actor,
        comment: str,
        seen: AsShown | None = None,
    ) -> CapView | None:
        """Raise the caps of one tenant, pack, model or run (with those above and below it) in the window
        that holds now; the cap as it is then, None for a run that has none.

        Nothing is done when the cap is not any more as it was `seen`. Raises Refused
        (`role_missing`, `decision_from_run`, `cap_changed`), InvalidInput without a cap, an amount or a
        comment.
        """
        ...
