"""Money: what a store has to be able to do (see `engine.journal.rules.store`), and what is read of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.governing.budget import CapScope
    from engine.journal.spend_rows import (
        ActRow,
        CapKey,
        CapRow,
        HoldRow,
        NewActRow,
        RestRow,
        SpendRow,
        TopUpRow,
        WaitingRow,
        WaitRow,
    )


class SpendStore(Protocol):
    """One transaction's view of what was spent and may be."""

    def add_spending(self, row: SpendRow) -> None:
        """Add what a call of a model used to the sums of its quarter of an hour."""
        ...

    def spent(self, scope: CapScope, tenant: str, name: str, since: int) -> int:
        """What it cost since a slot; of a run, by the outermost one's id, always all."""
        ...

    def tokens_of(self, tree: str) -> int:
        """Tokens that a run has used with all that it started, by the outermost one's id."""
        ...

    def learned(self, tenant: str, model: str, since: int) -> tuple[int, int]:
        """Bytes that a model was told for a tenant since a slot, and the tokens that they made."""
        ...

    def holds(self) -> Sequence[HoldRow]:
        """What is held for calls that may be under way."""
        ...

    def hold(self, hold_id: str) -> HoldRow | None:
        """What is held for one call."""
        ...

    def put_hold(self, row: HoldRow) -> None:
        """Hold what a call may use, or another amount for the same one."""
        ...

    def drop_hold(self, hold_id: str) -> None:
        """Hold it no more, if it is held."""
        ...

    def end_holds(self, boot_id: str, uptime: int) -> None:
        """What is from another boot of the machine, or past its deadline, holds up nobody any more."""
        ...

    def caps(self) -> Sequence[CapRow]:
        """Caps that people set."""
        ...

    def put_cap(self, row: CapRow) -> None:
        """Set a cap in place of the one before."""
        ...

    def drop_cap(self, row: CapRow) -> None:
        """Take a cap back, if it is there."""
        ...

    def add_act(self, row: NewActRow) -> None:
        """Record what happens to a cap."""
        ...

    def sum_of_acts(self, kind: str, key: CapKey) -> tuple[int, int]:
        """How often this happened to a cap in its window, and the sum of the amounts."""
        ...

    def soft_cap_answer(self, key: CapKey) -> str | None:
        """What people answered last after a soft cap was reached: the kind of the act; None: nothing."""
        ...

    def put_wait(self, row: WaitRow) -> None:
        """A run waits at a soft cap; it waits at one at a time."""
        ...

    def drop_wait(self, run_id: str) -> None:
        """It waits no more, if it did."""
        ...


class Spending(Protocol):
    """What models used and cost. Slots are quarters of an hour since the epoch, `until` is not among them."""

    async def by_names(self, tenant: str | None, since: int, until: int) -> Sequence[SpendRow]:
        """Sums of a tenant, or of all, by tenant, pack, flow, step and model."""
        ...

    async def by_slot(self, tenant: str | None, since: int, until: int) -> Sequence[SpendRow]:
        """Sums of a tenant, or of all, by slot, in order; their names are empty."""
        ...

    async def of_tree(self, run_id: str) -> Sequence[SpendRow]:
        """Every call of a run, of those it was started by and of those it started, in order."""
        ...

    async def by_step(self, run_id: str, first: int, last: int) -> Mapping[str, tuple[int, int]]:
        """Costs in a stretch of a run's history, and how many calls are of unknown cost, by path."""
        ...

    async def rest_of(self, run_ids: Sequence[str], path: str) -> Sequence[RestRow]:
        """What these runs cost after they had begun a step; those that never did are left out."""
        ...

    async def caps(self) -> Sequence[CapRow]:
        """Caps that people set."""
        ...

    async def holds(self) -> Sequence[HoldRow]:
        """What is held for calls under way, dead ones among them until somebody begins the next."""
        ...

    async def holds_of_run(self, run_id: str) -> Sequence[HoldRow]:
        """What is held for calls of a run that nobody has counted, ended ones among them."""
        ...

    async def top_ups(self) -> Sequence[TopUpRow]:
        """By how much caps were topped up, by window."""
        ...

    async def soft_cap_answer(self, key: CapKey) -> str | None:
        """What people answered last after a soft cap was reached: the kind of the act; None: nothing."""
        ...

    async def waits(self, after: str, limit: int) -> Sequence[WaitingRow]:
        """Runs that wait at soft caps, by their ids from behind `after` on."""
        ...

    async def newest_acts(self, tenant: str | None, limit: int) -> Sequence[ActRow]:
        """What happened to caps of a tenant, or of all, newest first."""
        ...

    async def acts_after(self, place: int, limit: int) -> Sequence[ActRow]:
        """What happened to caps after a number, in order."""
        ...
