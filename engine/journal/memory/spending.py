"""Money in memory: the sums of spending."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from engine.contracts.governing.budget import CapScope
from engine.journal.encoding import stored_event
from engine.journal.memory.tables import MemoryTables
from engine.journal.rules.rows.event_rows import MoneySpent, changes_of
from engine.journal.spend_rows import TOPPED_UP, added
from engine.machine.events.model_facts import ModelUsage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from engine.journal.spend_rows import ActRow, CapRow, HoldRow, NewActRow, SpendRow, TopUpRow

_NAMES = ("tenant", "pack", "flow", "step", "model")


class MemorySpendStore(MemoryTables):
    """The primitives about money of `engine.journal.rules.store.Store`."""

    def add_spending(self, row: SpendRow) -> None:
        """See rules."""
        key = (*(row[name] for name in _NAMES), row["slot"])  # type: ignore[literal-required]
        before = self.spending.get(key)
        self.put(self.spending, key, row if before is None else added(before, row))

    def spent(self, scope: CapScope, tenant: str, name: str, since: int) -> int:
        """See rules."""
        if scope is CapScope.RUN:
            tree = {name, *runs_below(self, name)}
            return sum(row["cost"] for run_id, row in self.runs.items() if run_id in tree)
        column: Any = scope.value
        rows = _within(self.spending.values(), tenant, since, 2**62)
        return sum(row["cost"] for row in rows if cast("Any", row)[column] == name)

    def learned(self, tenant: str, model: str, since: int) -> tuple[int, int]:
        """See rules."""
        rows = [one for one in _within(self.spending.values(), tenant, since, 2**62) if one["model"] == model]
        return sum(row["sent_bytes"] for row in rows), sum(row["input_tokens"] for row in rows)

    def holds(self) -> Sequence[HoldRow]:
        """See rules."""
        return [self.held[hold_id] for hold_id in sorted(self.held)]

    def hold(self, hold_id: str) -> HoldRow | None:
        """See rules."""
        return self.held.get(hold_id)

    def put_hold(self, row: HoldRow) -> None:
        """See rules."""
        self.put(self.held, row["hold_id"], row)

    def drop_hold(self, hold_id: str) -> None:
        """See rules."""
        self.remove(self.held, hold_id)

    def end_holds(self, boot_id: str, uptime: int) -> None:
        """See rules."""
        for row in self.holds():
            if row["boot_id"] != boot_id or row["deadline"] < uptime:
                self.drop_hold(row["hold_id"])

    def caps(self) -> Sequence[CapRow]:
        """See rules."""
        return [self.set_caps[key] for key in sorted(self.set_caps)]

    def put_cap(self, row: CapRow) -> None:
        """See rules."""
        self.put(self.set_caps, _cap_key(row), row)

    def drop_cap(self, row: CapRow) -> None:
        """See rules."""
        self.remove(self.set_caps, _cap_key(row))

    def add_act(self, row: NewActRow) -> None:
        """See rules."""
        number = self.number("acts")
        self.put(self.acts, number, {**row, "act": number})

    def sum_of_acts(
        self, kind: str, scope: str, tenant: str, name: str, window: str, since: int
    ) -> tuple[int, int]:
        """See rules."""
        wanted = (kind, scope, tenant, name, window, since)
        columns = ("kind", "scope", "tenant", "name", "cap_window", "since")
        rows = [(dict(one), one) for one in self.acts.values()]
        found = [one for plain, one in rows if tuple(plain[key] for key in columns) == wanted]
        return len(found), sum(one["amount"] or 0 for one in found)


class MemorySpending:
    """Implements `engine.journal.rules.spending.spend_store.Spending`."""

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
        tree = {root, *runs_below(store, root)}
        found: list[SpendRow] = []
        for seq in sorted(store.events):
            event = store.events[seq]
            if event["run_id"] in tree and event["kind"] == ModelUsage.kind:
                stored = stored_event(event)
                changes = changes_of(stored.event, stored.run_seq, store.runs[event["run_id"]])
                found += [change.row for change in changes if isinstance(change, MoneySpent)]
        return found

    async def caps(self) -> Sequence[CapRow]:
        """See port."""
        return (await self._read()).caps()

    async def holds(self) -> Sequence[HoldRow]:
        """See port."""
        return (await self._read()).holds()

    async def top_ups(self) -> Sequence[TopUpRow]:
        """See port."""
        sums: dict[tuple[Any, ...], TopUpRow] = {}
        for act in (await self._read()).acts.values():
            if act["kind"] == TOPPED_UP:
                key = (act["scope"], act["tenant"], act["name"], act["cap_window"], act["since"])
                before = sums[key]["amount"] if key in sums else 0
                names = ("scope", "tenant", "name", "cap_window", "since")
                row = {**dict(zip(names, key, strict=True)), "amount": before + (act["amount"] or 0)}
                sums[key] = cast("TopUpRow", row)
        return list(sums.values())

    async def newest_acts(self, tenant: str | None, limit: int) -> Sequence[ActRow]:
        """See port."""
        acts = (await self._read()).acts
        found = (acts[key] for key in sorted(acts, reverse=True))
        return list(islice((one for one in found if tenant is None or one["tenant"] in {tenant, "*"}), limit))

    async def acts_after(self, place: int, limit: int) -> Sequence[ActRow]:
        """See port."""
        acts = (await self._read()).acts
        return [acts[key] for key in sorted(acts) if key > place][:limit]


def runs_below(store: MemoryTables, root: str) -> set[str]:
    """The runs that a run started, and those that they did."""
    tree, size = {root}, 0
    while len(tree) > size:
        size = len(tree)
        tree |= {one["run_id"] for one in store.runs.values() if one["parent_run_id"] in tree}
    return tree - {root}


def _cap_key(row: CapRow) -> tuple[str, ...]:
    return row["scope"], row["tenant"], row["name"], row["cap_window"]


def _within(rows: Iterable[SpendRow], tenant: str | None, since: int, until: int) -> Iterable[SpendRow]:
    return (row for row in rows if tenant in {None, row["tenant"]} and since <= row["slot"] < until)


def _summed(rows: Iterable[SpendRow]) -> list[SpendRow]:
    sums: dict[tuple[str | int, ...], SpendRow] = {}
    for row in rows:
        key = (*(row[name] for name in _NAMES), row["slot"])  # type: ignore[literal-required]
        sums[key] = added(sums[key], row) if key in sums else row
    return list(sums.values())
