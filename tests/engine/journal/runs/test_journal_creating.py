from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.listed import RunFilter, RunSort
from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, Refused, Unavailable
from engine.journal.records import Commit, RunHead
from engine.machine.events.run_facts import RunQueued, RunStarted
from tests.engine.journal.run_script import (
    ALL,
    NOW,
    a_run,
    assert_counters_agree,
    event,
    refused_run,
    step_started,
)

if TYPE_CHECKING:
    from engine.journal.port import Journal


async def test_a_created_run_is_queued_with_its_first_events(journal: Journal) -> None:
    assert await journal.create_run(a_run(slot_limit=2, blobs={"b1": b"value"})) == ("run_0001", True)
    row = await journal.run_row("run_0001")
    assert row is not None
    assert row["status"] == "QUEUED"
    assert row["waiting_for"] == "worker"
    assert (row["created_at"], row["updated_at"], row["started_at"], row["finished_at"]) == (
        NOW,
        NOW,
        None,
        None,
    )
    assert (row["run_seq"], row["ready"], row["lease_worker"], row["lease_epoch"]) == (1, 1, None, 0)
    assert (row["slot_key"], row["slot_limit"], row["requested_by"]) == ("docs/check", 2, "ann")
    assert await journal.blob("b1") == b"value"
    (stored,) = await journal.events_after("run_0001", 0)
    assert (stored.seq, stored.run_seq, stored.event.payload) == (1, 1, {"input": {"n": 1}})
    await assert_counters_agree(journal)


async def test_a_refused_run_is_failed_and_over_from_the_start(journal: Journal) -> None:
    await journal.create_run(refused_run())
    row = await journal.run_row("run_0001")
    assert row is not None
    assert (row["status"], row["ready"], row["finished_at"], row["waiting_for"]) == ("FAILED", 0, NOW, None)
    assert json.loads(row["error"] or "")["code"] == "invalid_input"
    assert not await journal.any_ready(NOW)
    await assert_counters_agree(journal)


async def test_an_unknown_run_has_nothing(journal: Journal) -> None:
    assert await journal.run_row("run_none") is None
    assert await journal.run_view_row("run_none") is None
    assert await journal.events_after("run_none", 0) == []
    assert await journal.page_steps("run_none", 0, 1_000) == []
    assert await journal.request_row("appr_none") is None


async def test_the_same_key_and_request_give_the_same_run(journal: Journal) -> None:
    first = a_run(1, idempotency_key="k", request_digest="same")
    again = a_run(2, idempotency_key="k", request_digest="same", blobs={"b2": b"x"})
    assert await journal.create_run(first) == ("run_0001", True)
    assert await journal.create_run(again) == ("run_0001", False)
    assert await journal.run_row("run_0002") is None
    assert await journal.blob("b2") is None
    await assert_counters_agree(journal)


async def test_the_same_key_with_another_request_is_a_conflict(journal: Journal) -> None:
    await journal.create_run(a_run(1, idempotency_key="k", request_digest="one"))
    with pytest.raises(Refused) as caught:
        await journal.create_run(a_run(2, idempotency_key="k", request_digest="two"))
    assert caught.value.code is ErrorCode.IDEMPOTENCY_CONFLICT
    assert caught.value.details == {"run_id": "run_0001", "idempotency_key": "k"}
    assert await journal.run_row("run_0002") is None


async def test_keys_belong_to_a_tenant(journal: Journal) -> None:
    await journal.create_run(a_run(1, idempotency_key="k", request_digest="one"))
    other = a_run(2, tenant="other", idempotency_key="k", request_digest="two")
    assert await journal.create_run(other) == ("run_0002", True)


async def test_a_taken_run_id_is_refused_and_nothing_of_it_is_written(journal: Journal) -> None:
    await journal.create_run(a_run(1))
    with pytest.raises(Unavailable):
        await journal.create_run(a_run(1, idempotency_key="k", request_digest="x", blobs={"b": b"x"}))
    assert await journal.last_seq() == 1
    assert await journal.blob("b") is None
    assert await journal.create_run(a_run(2, idempotency_key="k", request_digest="y")) == ("run_0002", True)
    await assert_counters_agree(journal)


async def test_a_row_tells_first_input_and_output(journal: Journal) -> None:
    await journal.create_run(a_run(1))
    row = await journal.run_view_row("run_0001")
    assert row is not None
    assert json.loads(row["first_event"] or "") == {"input": {"n": 1}}
    assert row["output_event"] is None


async def test_what_a_reader_gets_cannot_change_the_journal(journal: Journal) -> None:
    payload: dict[str, Any] = {"input": {"list": [1]}}
    run = a_run(1, events=[event(RunQueued.kind, **payload)])
    await journal.create_run(run)
    payload["input"]["list"].append("written after")
    (stored,) = await journal.events_after("run_0001", 0)
    stored.event.payload["input"]["list"].append("read")
    (listed,) = await journal.lists.page(RunFilter(), RunSort.NEWEST, ALL)
    if isinstance(listed, dict):
        listed["status"] = "GONE"
    (again,) = await journal.events_after("run_0001", 0)
    row = await journal.run_row("run_0001")
    assert again.event.payload == {"input": {"list": [1]}}
    assert row is not None
    assert row["status"] == "QUEUED"


async def test_a_run_can_be_created_in_a_worker_s_hands(journal: Journal) -> None:
    first = Commit(
        "run_0001",
        expected_seq=1,
        epoch=1,
        events=[event(RunStarted.kind), step_started("read")],
        head=RunHead(RunStatus.RUNNING),
        now=NOW,
    )
    await journal.heartbeat("worker-1", "host", 1, NOW, NOW + 1)
    run = a_run(1, worker_id="worker-1", first=first, slot_limit=1)
    assert await journal.create_run(run) == ("run_0001", True)
    row = await journal.run_row("run_0001")
    assert row is not None
    assert (row["status"], row["lease_worker"], row["lease_epoch"], row["run_seq"]) == (
        "RUNNING",
        "worker-1",
        1,
        3,
    )
    assert not await journal.any_ready(NOW)
    assert await journal.any_busy(NOW)
    await assert_counters_agree(journal)


async def test_a_run_names_the_one_it_took_over_from_and_that_one_names_it(journal: Journal) -> None:
    await journal.create_run(a_run(1))
    later = a_run(3, handed_off_from="run_0001", idempotency_key="k", request_digest="d")
    await journal.create_run(later)
    await journal.create_run(a_run(2, handed_off_from="run_0001"))
    await journal.create_run(a_run(4, handed_off_from="run_0002"))
    assert await journal.create_run(
        a_run(5, handed_off_from="run_0001", idempotency_key="k", request_digest="d")
    )
    row = await journal.run_view_row("run_0003")
    assert row is not None
    assert row["handed_off_from"] == "run_0001"
    assert await journal.successors("run_0001") == [("run_0002", NOW), ("run_0003", NOW)]
    assert await journal.successors("run_0004") == []
    assert await journal.successors("run_none") == []
