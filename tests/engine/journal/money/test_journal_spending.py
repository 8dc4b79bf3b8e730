"""What models used: the sums of every view are those of the events, to the last digit, in both journals."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contracts.status import RunStatus
from engine.journal.memory.journal import MemoryJournal
from engine.journal.records import Commit, RunHead
from engine.journal.rules.pruning import PruneRange
from engine.journal.spend_rows import COUNTS, SLOT
from engine.machine.events.model_facts import ModelUsage
from engine.machine.events.run_facts import RunCompleted
from tests.engine.journal.run_script import LATER, NOW, HeldRun, a_run, event, hold, step_started, take

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.machine.events.event import Event

TENANTS = ("acme", "other")


def used(path: str = "work/0/model", *, ts: int = NOW, **payload: Any) -> Event:
    given: dict[str, Any] = {"model": "fast", "provider": "openai", "asked": "gpt", "prices": "d", "cost": 7}
    given |= {"input": 10, "output": 2, "cached": 3, "sent": 40, **payload}
    return event(ModelUsage.kind, path, ts=ts, **given)


USAGES = st.lists(
    st.tuples(
        st.sampled_from([0, 1]),
        st.sampled_from(["a/0/model", "b/3/each/1/model", "b"]),
        st.sampled_from(["fast", "strong"]),
        st.integers(0, 4 * 24 * 3),
        st.integers(0, 10**12),
        st.one_of(st.none(), st.integers(0, 10**15)),
    ),
    max_size=12,
)


async def agree(journal: Journal, usages: list[tuple[int, str, str, int, int, int | None]]) -> None:
    held: list[HeldRun] = []
    for number, tenant in enumerate(TENANTS, 1):
        await journal.create_run(
            a_run(number, tenant=tenant, parent_run_id="run_0001" if number == 2 else None)
        )
        held.append(await take(journal, f"run_{number:04}"))
    for run, path, model, quarter, tokens, cost in usages:
        await held[run].append(used(path, ts=NOW + quarter * SLOT, model=model, input=tokens, cost=cost))
    expected: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for run, path, model, _, tokens, cost in usages:
        row = expected[
            TENANTS[run], f"{ {'a/0/model': 'a', 'b/3/each/1/model': 'each'}.get(path, 'b') }/{model}"
        ]
        numbers = {"calls": 1, "unpriced": int(cost is None), "input_tokens": tokens, "output_tokens": 2}
        for name, value in {**numbers, "cached_tokens": 3, "sent_bytes": 40, "cost": cost or 0}.items():
            row[name] += value
    by_names = await journal.spending.by_names(None, 0, 2**40)
    found = {(row["tenant"], f"{row['step']}/{row['model']}"): _counts(row) for row in by_names}
    assert found == dict(expected)
    by_slot = await journal.spending.by_slot(None, 0, 2**40)
    assert [row["slot"] for row in by_slot] == sorted({(NOW + one[3] * SLOT) // SLOT for one in usages})
    tree = await journal.spending.of_tree("run_0002")
    for name in COUNTS:
        total = sum(row[name] for row in expected.values())
        assert total == sum(_counts(row)[name] for row in by_slot) == sum(_counts(row)[name] for row in tree)


def _counts(row: Any) -> dict[str, int]:
    return {name: row[name] for name in COUNTS}


@given(USAGES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_sums_in_memory_are_those_of_the_events(usages: Any) -> None:
    await agree(MemoryJournal(), usages)


async def test_the_sums_of_both_journals_are_those_of_the_events(journal: Journal) -> None:
    await agree(
        journal,
        [
            (0, "a/0/model", "fast", 0, 5, 10**15),
            (1, "b/3/each/1/model", "strong", 200, 6, None),
            (0, "a/0/model", "fast", 0, 7, 1),
            (1, "b", "fast", 96, 8, 0),
        ],
    )


async def test_a_tenant_s_sums_are_its_own_and_those_of_a_time_are_of_that_time(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(used(), used(ts=NOW + SLOT))
    first = NOW // SLOT
    assert [row["calls"] for row in await journal.spending.by_names("default", first, first + 1)] == [1]
    assert not await journal.spending.by_names("other", 0, 2**40)
    assert not await journal.spending.by_slot("default", 0, first)


async def test_what_was_spent_stays_when_its_run_is_removed(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(used(), event(RunCompleted.kind), status=RunStatus.COMPLETED, release=True, ready=False)
    await journal.create_run(a_run(2))
    (gone,) = await journal.upkeep.prune([held.run_id], PruneRange(LATER))
    assert gone.root == held.run_id
    assert [row["cost"] for row in await journal.spending.by_names(None, 0, 2**40)] == [7]
    assert not await journal.spending.of_tree(held.run_id)


async def test_what_each_step_cost_is_told_of_a_stretch_of_a_run_s_history(journal: Journal) -> None:
    held = await hold(journal)
    begins = held.seq
    await held.append(used("a/0/model"), used("a/0/model", cost=5), used("a/1/model", cost=None))
    await held.append(used("a/2/model", cost=9))
    by_step = journal.spending.by_step
    assert dict(await by_step(held.run_id, 0, held.seq - 1)) == {"a/0/model": (12, 0), "a/1/model": (0, 1)}
    assert dict(await by_step(held.run_id, begins + 2, 2**62)) == {
        "a/0/model": (5, 0),
        "a/1/model": (0, 1),
        "a/2/model": (9, 0),
    }
    assert not await by_step("run_none", 0, 2**62)


async def test_a_run_s_row_tells_its_cost(journal: Journal) -> None:
    held = await hold(journal)
    head = RunHead(status=RunStatus.RUNNING, cost=7, unpriced=2)
    await journal.append(Commit(held.run_id, held.seq, held.epoch, [used()], head, NOW))
    row = await held.row()
    assert (row["cost"], row["unpriced"]) == (7, 2)


async def test_what_a_run_cost_after_a_step_holds_the_runs_that_it_started_since(journal: Journal) -> None:
    await journal.create_run(a_run(1))
    await journal.create_run(a_run(2, parent_run_id="run_0001"))
    await journal.create_run(a_run(3))
    parent, child, other = [await take(journal, f"run_000{number}") for number in (1, 2, 3)]
    await child.append(used(cost=5), head=replace(child.commit().head, cost=5, unpriced=0))
    await parent.append(used(cost=100), step_started("ask"), used(cost=30), used(cost=None))
    await parent.append(step_started("sub", "subflow", child_run_id="run_0002"))
    await other.append(step_started("else"), used(cost=9))
    ids = ["run_0001", "run_0003", "run_0009"]
    assert list(await journal.spending.rest_of(ids, "ask")) == [
        {"run_id": "run_0001", "cost": 35, "unpriced": 1}
    ]
    assert list(await journal.spending.rest_of(ids, "nowhere")) == []
