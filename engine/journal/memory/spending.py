"""Money in memory: the sums of spending."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.journal.encoding import stored_event
from engine.journal.memory.tables import MemoryTables
from engine.journal.rules.rows.event_rows import MoneySpent, changes_of
from engine.journal.spend_rows import added
from engine.machine.events.model_facts import ModelUsage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from engine.journal.spend_rows import SpendRow

_NAMES = ("tenant", "pack", "flow", "step", "model")


class MemorySpendStore(MemoryTables):
    """The primitives about money of `engine.journal.rules.store.Store`."""

    def add_spending(self, row: SpendRow) -> None:
        """See rules."""
        key = (*(row[name] for name in _NAMES), row["slot"])  # type: ignore[literal-required]
        before = self.spending.get(key)
        self.put(self.spending, key, row if before is None else added(before, row))


class MemorySpending:
    """Implements `engine.journal.port.Spending`."""

    def __init__(self, read: Callable[[], Awaitable[MemorySpendStore]]) -> None:
        self._read = read

    async def by_names(self, tenant: str | None, since: int, until: int) -> Sequence[SpendRow]:
        """See port."""
        found = _within((await self._read()).spending.values(), tenant, since, until)
        return _summed({**row, "slot": 0} for row in found)

    async def by_slot(self, tenant: str | None, since: int, until: int) -> Sequence[SpendRow]:
        """See port."""
        found = _within((await self._read()).spending.values(), tenant, since, until)
        nameless = cast("SpendRow", dict.fromkeys(_NAMES, ""))
        return sorted(_summed({**row, **nameless} for row in found), key=lambda row: row["slot"])

    async def of_tree(self, run_id: str) -> Sequence[SpendRow]:
        """See port."""
        store = await self._read()
        root = run_id
        while (row := store.runs.get(root)) is not None and row["parent_run_id"] is not None:
            root = row["parent_run_id"]
        tree, size = {root}, 0
        while len(tree) > size:
            size = len(tree)
            tree |= {one["run_id"] for one in store.runs.values() if one["parent_run_id"] in tree}
        found: list[SpendRow] = []
        for seq in sorted(store.events):
            event = store.events[seq]
            if event["run_id"] in tree and event["kind"] == ModelUsage.kind:
                stored = stored_event(event)
                changes = changes_of(stored.event, stored.run_seq, store.runs[event["run_id"]])
                found += [change.row for change in changes if isinstance(change, MoneySpent)]
        return found


def _within(rows: Iterable[SpendRow], tenant: str | None, since: int, until: int) -> Iterable[SpendRow]:
    return (row for row in rows if tenant in {None, row["tenant"]} and since <= row["slot"] < until)


def _summed(rows: Iterable[SpendRow]) -> list[SpendRow]:
    sums: dict[tuple[str | int, ...], SpendRow] = {}
    for row in rows:
        key = (*(row[name] for name in _NAMES), row["slot"])  # type: ignore[literal-required]
        sums[key] = added(sums[key], row) if key in sums else row
    return list(sums.values())
