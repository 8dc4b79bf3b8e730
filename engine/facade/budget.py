"""The facade's part for money: what was spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.contracts.budget import SpendBy

if TYPE_CHECKING:
    from datetime import datetime

    from engine.contracts.budget import Spending, SpendSum


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
