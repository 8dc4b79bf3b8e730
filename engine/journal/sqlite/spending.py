"""Money on SQLite: the sums of spending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from engine.journal.encoding import decode
from engine.journal.rules.rows.event_rows import MoneySpent, changes_of
from engine.journal.sqlite.queries import query
from engine.machine.events.table import read_event

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Sequence

    from engine.journal.rows import FlowNames
    from engine.journal.spend_rows import SpendRow


class SqliteSpendStore:
    """The primitives about money of `engine.journal.rules.store.Store`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def add_spending(self, row: SpendRow) -> None:
        """See rules."""
        self._execute(query("add_spending"), {**row})


class SqliteSpending:
    """Implements `engine.journal.port.Spending`."""

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
        found: list[SpendRow] = []
        for row in await self._read(query("tree_usages"), (run_id,)):
            event = read_event(row["kind"], row["ts"], row["actor"], row["step_id"], decode(row["payload"]))
            changes = changes_of(event, row["run_seq"], cast("FlowNames", row))
            found += [change.row for change in changes if isinstance(change, MoneySpent)]
        return found
