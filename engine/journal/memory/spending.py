"""Money in memory: the sums of spending."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from engine.contracts.governing.budget import CapScope
from engine.journal.encoding import stored_event
from engine.journal.memory.tables import MemoryTables
from engine.journal.rules.rows.event_rows import MoneySpent, changes_of
from engine.journal.spend_rows import LOWERED, SOFT_REACHED, STOPPED, TOPPED_UP, added, cap_key_of
from engine.machine.events.model_facts import ModelUsage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

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

_NAMES = ("tenant", "pack", "flow", "step", "model")
_ANSWERS = {TOPPED_UP, LOWERED, STOPPED}


class MemorySpendStore(MemoryTables):
    """The primitives about money of `engine.journal.rules.store.Store`."""

    def add_spending(self, row: SpendRow) -> None:
        """See rules."""
        key = _sum_key(row)
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

    def tokens_of(self, tree: str) -> int:
        """See rules."""
        runs = {tree, *runs_below(self, tree)}
        return sum(row["tokens_used"] for run_id, row in self.runs.items() if run_id in runs)

    def learned(self, tenant: str, model: str, since: int) -> tuple[int, int]:
        """See rules."""
        rows = [one for one in _within(self.spending.values(), tenant, since, 2**62) if one["model"] == model]
        return sum(row["sent_bytes"] for row in rows), sum(row["input_tokens"] for row in rows)

    def holds(self) -> Sequence[HoldRow]:
        """See rules."""
        return [self.held[hold_id] for hold_id in sorted(self.held) if not self.held[hold_id]["ended"]]

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
                self.put_hold({**row, "ended": 1})

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

    def sum_of_acts(self, kind: str, key: CapKey) -> tuple[int, int]:
        """See rules."""
        found = [one for one in self._acts_of(key) if one["kind"] == kind]
        return len(found), sum(one["amount"] or 0 for one in found)

    def soft_cap_answer(self, key: CapKey) -> str | None:
        """See rules."""
        kinds = [one["kind"] for one in self._acts_of(key)]
        after = kinds[kinds.index(SOFT_REACHED) :] if SOFT_REACHED in kinds else []
        return next((kind for kind in reversed(after) if kind in _ANSWERS), None)

    def put_wait(self, row: WaitRow) -> None:
        """See rules."""
        self.put(self.soft_waits, row["run_id"], row)

    def drop_wait(self, run_id: str) -> None:
        """See rules."""
        self.remove(self.soft_waits, run_id)

    def _acts_of(self, key: CapKey) -> list[ActRow]:
        """In order."""
        return [self.acts[number] for number in sorted(self.acts) if cap_key_of(self.acts[number]) == key]


class MemorySpending:
    """Implements `engine.journal.rules.spend_store.Spending`."""

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
        tree = tree_of(store, run_id)
        found: list[SpendRow] = []
        for seq in sorted(store.events):
            event = store.events[seq]
            if event["run_id"] in tree and event["kind"] == ModelUsage.kind:
                stored = stored_event(event)
                changes = changes_of(stored.event, stored.run_seq, store.runs[event["run_id"]])
                found += [change.row for change in changes if isinstance(change, MoneySpent)]
        return found

    async def by_step(self, run_id: str, first: int, last: int) -> Mapping[str, tuple[int, int]]:
        """See port."""
        found: dict[str, tuple[int, int]] = {}
        for row in (await self._read()).histories.get(run_id, {}).values():
            if row["kind"] == ModelUsage.kind and first <= row["run_seq"] <= last:
                used, path = stored_event(row).event.payload, str(row["step_id"])
                cost, unpriced = found.get(path, (0, 0))
                found[path] = (cost + used.get("cost", 0), unpriced + ("cost" not in used))
        return found

    async def rest_of(self, run_ids: Sequence[str], path: str) -> Sequence[RestRow]:
        """See port."""
        store = await self._read()
        found: list[RestRow] = []
        for run_id in run_ids:
            steps = store.steps.get(run_id, {})
            if path not in steps:
                continue
            since = steps[path]["first_seq"]
            events = [one for one in store.histories[run_id].values() if one["run_seq"] > since]
            usages = [stored_event(one).event.payload for one in events if one["kind"] == ModelUsage.kind]
            children = [
                child
                for one in steps.values()
                if one["first_seq"] > since and one["child_run_id"] is not None
                for child in (one["child_run_id"], *runs_below(store, one["child_run_id"]))
            ]
            below = [store.runs[child] for child in children if child in store.runs]
            cost = sum(one.get("cost", 0) for one in usages) + sum(one["cost"] for one in below)
            unpriced = sum("cost" not in one for one in usages) + sum(one["unpriced"] for one in below)
            found.append({"run_id": run_id, "cost": cost, "unpriced": unpriced})
        return found

    async def caps(self) -> Sequence[CapRow]:
        """See port."""
        return (await self._read()).caps()

    async def holds(self) -> Sequence[HoldRow]:
        """See port."""
        return (await self._read()).holds()

    async def holds_of_run(self, run_id: str) -> Sequence[HoldRow]:
        """See port."""
        held = (await self._read()).held
        return [held[hold_id] for hold_id in sorted(held) if held[hold_id]["run_id"] == run_id]

    async def top_ups(self) -> Sequence[TopUpRow]:
        """See port."""
        sums: dict[CapKey, TopUpRow] = {}
        for act in (await self._read()).acts.values():
            if act["kind"] == TOPPED_UP:
                key = cap_key_of(act)
                before = sums[key]["amount"] if key in sums else 0
                row = {**key._asdict(), "amount": before + (act["amount"] or 0)}
                sums[key] = cast("TopUpRow", row)
        return list(sums.values())

    async def soft_cap_answer(self, key: CapKey) -> str | None:
        """See port."""
        return (await self._read()).soft_cap_answer(key)

    async def waits(self, after: str, limit: int) -> Sequence[WaitingRow]:
        """See port."""
        store = await self._read()
        later = sorted(run_id for run_id in store.soft_waits if run_id > after)[:limit]
        rows = [store.soft_waits[run_id] for run_id in later]
        return [{**row, "answered": int(store.soft_cap_answer(cap_key_of(row)) is not None)} for row in rows]

    async def newest_acts(self, tenant: str | None, limit: int) -> Sequence[ActRow]:
        """See port."""
        acts = (await self._read()).acts
        found = (acts[key] for key in sorted(acts, reverse=True))
        return list(islice((one for one in found if tenant is None or one["tenant"] in {tenant, "*"}), limit))

    async def acts_after(self, place: int, limit: int) -> Sequence[ActRow]:
        """See port."""
        acts = (await self._read()).acts
        return [acts[key] for key in sorted(acts) if key > place][:limit]


def tree_of(store: MemoryTables, run_id: str) -> set[str]:
    """A run with all that it was started by, and all that those started."""
    root = run_id
    while (row := store.runs.get(root)) is not None and row["parent_run_id"] is not None:
        root = row["parent_run_id"]
    return {root, *runs_below(store, root)}


def runs_below(store: MemoryTables, root: str) -> set[str]:
    """The runs that a run started, and those that they did."""
    tree, size = {root}, 0
    while len(tree) > size:
        size = len(tree)
        tree |= {one["run_id"] for one in store.runs.values() if one["parent_run_id"] in tree}
    return tree - {root}


def _sum_key(row: SpendRow) -> tuple[str | int, ...]:
    """What a sum is of."""
    return row["tenant"], row["pack"], row["flow"], row["step"], row["model"], row["slot"]


def _cap_key(row: CapRow) -> tuple[str, ...]:
    return row["scope"], row["tenant"], row["name"], row["cap_window"]


def _within(rows: Iterable[SpendRow], tenant: str | None, since: int, until: int) -> Iterable[SpendRow]:
    return (row for row in rows if tenant in {None, row["tenant"]} and since <= row["slot"] < until)


def _summed(rows: Iterable[SpendRow]) -> list[SpendRow]:
    sums: dict[tuple[str | int, ...], SpendRow] = {}
    for row in rows:
        key = _sum_key(row)
        sums[key] = added(sums[key], row) if key in sums else row
    return list(sums.values())
