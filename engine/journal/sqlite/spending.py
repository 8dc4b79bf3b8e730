"""Money on SQLite: the sums of spending."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from engine.contracts.governing.budget import CapScope
from engine.journal.encoding import decode
from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from engine.journal.rows import FlowNames
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
    from engine.journal.sqlite.transaction import Transaction


class SqliteSpendStore:
    """The primitives about money of `engine.journal.rules.store.Store`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._execute = transaction.execute

    def add_spending(self, row: SpendRow) -> None:
        """See rules."""
        self._transaction.spend(row)

    def spent(self, scope: CapScope, tenant: str, name: str, since: int) -> int:
        """See rules."""
        if scope is CapScope.RUN:
            return int(self._execute(query("tree_cost"), (name,)).fetchone()["cost"])
        self._transaction.write_counts()
        names = {kind.value: name if kind is scope else None for kind in (CapScope.PACK, CapScope.MODEL)}
        row = self._execute(query("cost_since"), {"tenant": tenant, "slot": since, **names}).fetchone()
        return int(row["cost"])

    def tokens_of(self, tree: str) -> int:
        """See rules."""
        return int(self._execute(query("tree_cost"), (tree,)).fetchone()["tokens"])

    def learned(self, tenant: str, model: str, since: int) -> tuple[int, int]:
        """See rules."""
        self._transaction.write_counts()
        row = self._execute(query("learned"), (tenant, since, model)).fetchone()
        return row["sent_bytes"], row["input_tokens"]

    def holds(self) -> Sequence[HoldRow]:
        """See rules."""
        return cast("list[HoldRow]", self._execute(query("select_holds")).fetchall())

    def hold(self, hold_id: str) -> HoldRow | None:
        """See rules."""
        return cast("HoldRow | None", self._execute(query("select_hold"), (hold_id,)).fetchone())

    def put_hold(self, row: HoldRow) -> None:
        """See rules."""
        self._execute(query("put_hold"), {**row})

    def drop_hold(self, hold_id: str) -> None:
        """See rules."""
        self._execute(query("drop_hold"), (hold_id,))

    def end_holds(self, boot_id: str, uptime: int) -> None:
        """See rules."""
        self._execute(query("end_holds"), (boot_id, uptime))

    def caps(self) -> Sequence[CapRow]:
        """See rules."""
        return cast("list[CapRow]", self._execute(query("select_caps")).fetchall())

    def put_cap(self, row: CapRow) -> None:
        """See rules."""
        self._execute(query("put_cap"), {**row})

    def drop_cap(self, row: CapRow) -> None:
        """See rules."""
        key = (row["scope"], row["tenant"], row["name"], row["cap_window"])
        self._execute(query("drop_cap"), key)

    def add_act(self, row: NewActRow) -> None:
        """See rules."""
        self._execute(query("add_act"), {**row})

    def sum_of_acts(self, kind: str, key: CapKey) -> tuple[int, int]:
        """See rules."""
        row = self._execute(query("sum_of_acts"), (kind, *key)).fetchone()
        return row["times"], row["amount"]

    def soft_cap_answer(self, key: CapKey) -> str | None:
        """See rules."""
        row = self._execute(query("soft_cap_answer"), key._asdict()).fetchone()
        return None if row is None else str(row["kind"])

    def put_wait(self, row: WaitRow) -> None:
        """See rules."""
        self._execute(query("put_wait"), {**row})

    def drop_wait(self, run_id: str) -> None:
        """See rules."""
        self._execute(query("drop_wait"), (run_id,))


class SqliteSpending:
    """Implements `engine.journal.rules.spend_store.Spending`."""

    def __init__(self, read: Callable[..., Awaitable[list[sqlite3.Row]]]) -> None:
        self._read = read

    async def by_names(self, tenant: str | None, since: int, until: int) -> Sequence[SpendRow]:
        """See port."""
        return await self._sums(query("spending_by_names"), tenant, since, until)

    async def by_slot(self, tenant: str | None, since: int, until: int) -> Sequence[SpendRow]:
        """See port."""
        return await self._sums(query("spending_by_slot"), tenant, since, until)

    async def _sums(self, statement: str, tenant: str | None, since: int, until: int) -> Sequence[SpendRow]:
        bounds: dict[str, Any] = {"tenant": tenant, "since": since, "until": until}
        return [cast("SpendRow", dict(row)) for row in await self._read(statement, bounds)]

    async def of_tree(self, run_id: str) -> Sequence[SpendRow]:
        """See port."""
        # What reads events is loaded with the first run that is looked into: lists do without.
        from engine.journal.rules.rows.event_rows import MoneySpent, changes_of  # noqa: PLC0415
        from engine.machine.events.table import read_event  # noqa: PLC0415

        found: list[SpendRow] = []
        for row in await self._read(query("tree_usages"), (run_id,)):
            event = read_event(row["kind"], row["ts"], row["actor"], row["step_id"], decode(row["payload"]))
            changes = changes_of(event, row["run_seq"], cast("FlowNames", row))
            found += [change.row for change in changes if isinstance(change, MoneySpent)]
        return found

    async def by_step(self, run_id: str, first: int, last: int) -> Mapping[str, tuple[int, int]]:
        """See port."""
        rows = await self._read(query("step_usages"), (run_id, first, last))
        return {row["step_id"]: (row["cost"], row["unpriced"]) for row in rows}

    async def rest_of(self, run_ids: Sequence[str], path: str) -> Sequence[RestRow]:
        """See port."""
        bounds = {"runs": json.dumps(list(run_ids)), "path": path}
        return [cast("RestRow", dict(row)) for row in await self._read(query("rest_of_runs"), bounds)]

    async def caps(self) -> Sequence[CapRow]:
        """See port."""
        return [cast("CapRow", dict(row)) for row in await self._read(query("select_caps"))]

    async def holds(self) -> Sequence[HoldRow]:
        """See port."""
        return [cast("HoldRow", dict(row)) for row in await self._read(query("select_holds"))]

    async def holds_of_run(self, run_id: str) -> Sequence[HoldRow]:
        """See port."""
        return [cast("HoldRow", dict(row)) for row in await self._read(query("holds_of_run"), (run_id,))]

    async def top_ups(self) -> Sequence[TopUpRow]:
        """See port."""
        return [cast("TopUpRow", dict(row)) for row in await self._read(query("top_ups"))]

    async def soft_cap_answer(self, key: CapKey) -> str | None:
        """See port."""
        rows = await self._read(query("soft_cap_answer"), key._asdict())
        return str(rows[0]["kind"]) if rows else None

    async def waits(self, after: str, limit: int) -> Sequence[WaitingRow]:
        """See port."""
        return [cast("WaitingRow", dict(row)) for row in await self._read(query("waits"), (after, limit))]

    async def newest_acts(self, tenant: str | None, limit: int) -> Sequence[ActRow]:
        """See port."""
        rows = await self._read(query("newest_acts"), {"tenant": tenant, "limit": limit})
        return [cast("ActRow", dict(row)) for row in rows]

    async def acts_after(self, place: int, limit: int) -> Sequence[ActRow]:
        """See port."""
        return [cast("ActRow", dict(row)) for row in await self._read(query("acts_after"), (place, limit))]
