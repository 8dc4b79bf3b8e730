"""Removing runs that are over, in both journals."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.listed import RequestFilter, RunFilter, RunSort
from engine.contracts.status import RequestKind, RunStatus
from engine.journal.rules.pruning import PruneRange
from engine.machine.events.run_facts import RunCompleted, RunFailed, RunRefused
from engine.machine.events.step_facts import StepCompleted
from engine.machine.model.inputs import Retry
from tests.engine.journal.run_script import (
    ALL,
    NOW,
    a_run,
    answer,
    assert_counters_agree,
    event,
    form_opened,
    hold,
    step_started,
    take,
    wait_for_approval,
)

if TYPE_CHECKING:
    from engine.journal.port import Journal

DIGESTS = {name: name * 64 for name in "abc"}
SOON = PruneRange(NOW + 1)


def ref(name: str) -> dict[str, object]:
    return {"$blob": DIGESTS[name], "size": 1, "preview": None}


async def ended(
    journal: Journal,
    number: int,
    *,
    value: object = 1,
    ts: int = NOW,
    words: str | None = None,
    **changes: object,
) -> None:
    """A completed run that nobody holds, with the value in its history."""
    await journal.create_run(a_run(number, **changes))
    held = await take(journal, f"run_{number:04}")
    await held.append(
        step_started("a"),
        event(StepCompleted.kind, "a", output=value, next=1),
        event(RunCompleted.kind, ts=ts, output=value),
        status=RunStatus.COMPLETED,
        release=True,
        ready=False,
        words=words,
        blobs={DIGESTS[name]: name.encode() for name in "abc" if DIGESTS[name] in json.dumps(value)},
    )


async def prune(journal: Journal, wanted: PruneRange = SOON) -> list[str]:
    trees, _ = await journal.upkeep.prunable(wanted, "", ALL)
    gone = await journal.upkeep.prune([tree.root for tree in trees], wanted)
    assert gone == trees
    await assert_counters_agree(journal)
    return [run_id for tree in gone for run_id, _ in tree.runs]


async def listed(journal: Journal) -> list[str]:
    return [row["run_id"] for row in await journal.lists.page(RunFilter(), RunSort.OLDEST, ALL)]


async def newest(journal: Journal) -> None:
    """A run that is not over writes the newest event."""
    await journal.create_run(a_run(9))


async def test_a_run_that_is_over_goes_with_all_that_is_its(journal: Journal) -> None:
    await ended(journal, 1, idempotency_key="k", request_digest="d")
    await newest(journal)
    assert await prune(journal) == ["run_0001"]
    assert await listed(journal) == ["run_0009"]
    assert await journal.lists.count(RunFilter()) == 1
    assert await journal.run_row("run_0001") is None
    assert await journal.page_events("run_0001", 0, ALL) == []
    assert await journal.page_steps("run_0001", 0, 1_000) == []
    assert await journal.create_run(a_run(2, idempotency_key="k", request_digest="d")) == ("run_0002", True)


async def test_the_words_of_a_run_go_with_it_and_those_of_others_stay(journal: Journal) -> None:
    await ended(journal, 1, words=" disk full")
    await journal.create_run(a_run(9, words=" disk"))
    assert await prune(journal) == ["run_0001"]
    rows = await journal.lists.page(RunFilter(words="disk"), RunSort.NEWEST, ALL)
    assert [row["run_id"] for row in rows] == ["run_0009"]
    assert await journal.lists.count(RunFilter(words="full")) == 0


async def test_what_is_younger_or_ended_otherwise_stays(journal: Journal) -> None:
    await ended(journal, 1)
    await ended(journal, 2, ts=NOW + 5)
    await newest(journal)
    assert await prune(journal, PruneRange(NOW + 9, (RunStatus.FAILED,))) == []
    assert await prune(journal, PruneRange(NOW + 9, tenant="other")) == []
    assert await prune(journal, PruneRange(NOW + 9, pack="other")) == []
    assert await prune(journal, PruneRange(NOW + 5)) == ["run_0001"]


async def test_what_a_person_rejected_is_told_from_what_failed(journal: Journal) -> None:
    for number, code in ((1, "approval_rejected"), (2, "backend_error"), (3, "approval_rejected")):
        error = {"code": code, "message": "no", "details": {}}
        refused = [event(RunRefused.kind, error=error)]
        await journal.create_run(a_run(number, status=RunStatus.FAILED, events=refused, error=error))
    await newest(journal)
    failed_runs = PruneRange(NOW + 1, (RunStatus.FAILED,))
    assert (await journal.upkeep.prunable(replace(failed_runs, rejected=True), "", 1))[1] == "run_0001"
    assert await prune(journal, replace(failed_runs, rejected=False)) == ["run_0002"]
    assert await prune(journal, replace(failed_runs, rejected=True)) == ["run_0001", "run_0003"]


async def test_what_works_or_waits_stays(journal: Journal) -> None:
    await hold(journal, 1)
    await wait_for_approval(journal, 2)
    await ended(journal, 3)
    await newest(journal)
    assert await prune(journal, PruneRange(NOW * 2)) == ["run_0003"]
    assert sorted(await listed(journal)) == ["run_0001", "run_0002", "run_0009"]


async def test_a_failed_run_that_was_told_to_go_on_stays(journal: Journal) -> None:
    held = await hold(journal, 1)
    error = {"code": "unknown", "message": "no"}
    await held.append(event(RunFailed.kind, error=error), status=RunStatus.FAILED, release=True, ready=False)
    await newest(journal)
    await journal.steer("run_0001", Retry(now=NOW))
    assert await prune(journal) == []


async def test_a_question_that_is_open_keeps_its_run(journal: Journal) -> None:
    held = await hold(journal, 1)
    await held.append(
        step_started("ask", "user_input"),
        form_opened("form_1"),
        event(RunCompleted.kind, output=1),
        status=RunStatus.COMPLETED,
        release=True,
        ready=False,
    )
    await newest(journal)
    assert await prune(journal) == []
    await journal.decide(answer("form_1"))
    assert len(await journal.request_rows(RequestKind.FORM, RequestFilter(), ALL)) == 1


async def test_the_run_of_the_newest_event_stays_so_that_no_number_is_given_twice(journal: Journal) -> None:
    await ended(journal, 1)
    await ended(journal, 2)
    before = await journal.last_seq()
    assert await prune(journal) == ["run_0001"]
    assert await journal.last_seq() == before
    assert [stored.run_id for stored in await journal.feed_events(0, 1)] == ["run_0002"]


async def test_a_tree_goes_whole_or_not_at_all(journal: Journal) -> None:
    await ended(journal, 1)
    await ended(journal, 2, parent_run_id="run_0001", depth=1)
    await hold(journal, 3)
    await newest(journal)
    assert await journal.upkeep.tree("run_0001") == ["run_0001", "run_0002"]
    assert await prune(journal) == ["run_0001", "run_0002"]
    await ended(journal, 4)
    await journal.create_run(a_run(5, parent_run_id="run_0004", depth=1))
    assert await prune(journal) == []


async def test_values_go_when_nothing_refers_to_them(journal: Journal) -> None:
    await ended(journal, 1, value={"mine": ref("a"), "ours": ref("b")})
    await ended(journal, 2, value=ref("b"))
    await newest(journal)
    assert await journal.upkeep.unused_blobs() == (frozenset(), await journal.last_seq())
    await prune(journal, PruneRange(NOW + 1))
    assert await journal.upkeep.unused_blobs() == (
        frozenset({DIGESTS["a"], DIGESTS["b"]}),
        await journal.last_seq(),
    )


async def test_a_value_that_is_used_again_meanwhile_stays(journal: Journal) -> None:
    await ended(journal, 1, value={"mine": ref("a"), "ours": ref("b")})
    await newest(journal)
    await prune(journal)
    unused, place = await journal.upkeep.unused_blobs()
    await ended(journal, 2, value=ref("b"))
    assert await journal.upkeep.drop_blobs(unused, place) == (1, 1)
    assert await journal.blob(DIGESTS["a"]) is None
    assert await journal.blob(DIGESTS["b"]) == b"b"


@pytest.mark.parametrize("limit", [1, 2])
async def test_trees_are_found_page_by_page(journal: Journal, limit: int) -> None:
    for number in range(1, 6):
        await ended(journal, number)
    await newest(journal)
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        trees, after = await journal.upkeep.prunable(SOON, after, limit)
        found += [tree.root for tree in trees]
    assert found == [f"run_{number:04}" for number in range(1, 6)]
