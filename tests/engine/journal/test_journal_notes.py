"""Claims, earlier decisions, drafts, saved filters and searches of events, in both journals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.listed import RequestFilter
from engine.contracts.runs.run import EventFilter
from engine.contracts.status import RequestKind, RequestStatus, RunStatus
from engine.errors import AlreadyDecided, ErrorCode, NotFound, Refused
from engine.journal.records import Owner
from engine.machine.events.request_facts import RequestWithdrawn
from engine.machine.events.run_facts import RunPauseRequested
from engine.machine.events.step_facts import StepCompleted
from tests.engine.journal.run_script import (
    ALL,
    LATER,
    NOW,
    a_run,
    approval_opened,
    approve,
    event,
    hold,
    step_started,
    take,
    wait_for_approval,
)

if TYPE_CHECKING:
    from engine.journal.port import Journal

APPROVAL = RequestKind.APPROVAL


async def claimed(journal: Journal, request_id: str = "appr_0001") -> tuple[str | None, int | None]:
    row = await journal.request_row(request_id)
    assert row is not None
    return row["claimed_by"], row["claimed_until"]


async def test_a_claim_is_seen_by_all_and_prolonged_by_its_owner(journal: Journal) -> None:
    await wait_for_approval(journal)
    assert await claimed(journal) == (None, None)
    before = await journal.claims_version()
    await journal.claim_request("appr_0001", APPROVAL, "ann", NOW, NOW + 10)
    assert await claimed(journal) == ("ann", NOW + 10)
    await journal.claim_request("appr_0001", APPROVAL, "ann", NOW + 5, NOW + 15)
    assert await claimed(journal) == ("ann", NOW + 15)
    (listed,) = await journal.request_rows(APPROVAL, RequestFilter(status=RequestStatus.PENDING), ALL)
    assert listed["claimed_by"] == "ann"
    assert await journal.claims_version() == before + 2


async def test_somebody_else_s_claim_is_refused_until_it_ends(journal: Journal) -> None:
    await wait_for_approval(journal)
    await journal.claim_request("appr_0001", APPROVAL, "ann", NOW, NOW + 10)
    with pytest.raises(Refused) as caught:
        await journal.claim_request("appr_0001", APPROVAL, "bob", NOW + 9, NOW + 19)
    assert caught.value.code is ErrorCode.ALREADY_CLAIMED
    assert caught.value.details["claimed_by"] == "ann"
    await journal.claim_request("appr_0001", APPROVAL, "bob", NOW + 10, NOW + 20)
    assert await claimed(journal) == ("bob", NOW + 20)


async def test_only_one_s_own_claim_is_released(journal: Journal) -> None:
    await wait_for_approval(journal)
    await journal.claim_request("appr_0001", APPROVAL, "ann", NOW, NOW + 10)
    version = await journal.claims_version()
    assert not await journal.release_request("appr_0001", "bob")
    assert await journal.claims_version() == version
    assert await journal.release_request("appr_0001", "ann")
    assert await journal.claims_version() == version + 1
    assert await claimed(journal) == (None, None)


async def test_a_claim_stops_nobody_s_decision_and_ends_with_it(journal: Journal) -> None:
    await wait_for_approval(journal)
    await journal.claim_request("appr_0001", APPROVAL, "ann", NOW, NOW + 10)
    await journal.decide(approve("appr_0001"))
    assert await claimed(journal) == (None, None)
    with pytest.raises(AlreadyDecided):
        await journal.claim_request("appr_0001", APPROVAL, "ann", NOW, NOW + 10)


async def test_what_is_not_asked_any_more_cannot_be_claimed(journal: Journal) -> None:
    held = await wait_for_approval(journal, parked=False)
    await journal.claim_request("appr_0001", APPROVAL, "ann", NOW, NOW + 10)
    await held.append(event(RequestWithdrawn.kind, "ask", request_id="appr_0001", reason="cancelled"))
    assert await claimed(journal) == (None, None)
    with pytest.raises(Refused) as caught:
        await journal.claim_request("appr_0001", APPROVAL, "ann", NOW, NOW + 10)
    assert caught.value.code is ErrorCode.REQUEST_WITHDRAWN
    with pytest.raises(NotFound):
        await journal.claim_request("appr_none", APPROVAL, "ann", NOW, NOW + 10)
    with pytest.raises(NotFound):
        await journal.claim_request("appr_0001", RequestKind.FORM, "ann", NOW, NOW + 10)


async def decided(journal: Journal, number: int, at: int, path: str = "ask", **run: str) -> None:
    await journal.create_run(a_run(number, **run))
    held = await take(journal, f"run_{number:04}")
    opened = approval_opened(f"appr_{number:04}", path)
    await held.append(step_started(path, "human_approval"), opened, status=RunStatus.PENDING_HUMAN)
    await journal.decide(approve(f"appr_{number:04}", now=at))


async def test_earlier_decisions_are_those_of_the_same_step_newest_first(journal: Journal) -> None:
    await decided(journal, 1, LATER + 3)
    await decided(journal, 2, LATER + 1, "each/4/ask~2")
    await decided(journal, 3, LATER + 2)
    await decided(journal, 4, LATER, "other")
    await decided(journal, 5, LATER, tenant="other")
    await decided(journal, 6, LATER, flow="other")
    await wait_for_approval(journal, 7)
    await wait_for_approval(journal, 8)

    async def earlier(request_id: str, limit: int = ALL) -> list[str]:
        return [row["request_id"][-1] for row in await journal.earlier_rows(request_id, limit)]

    assert await earlier("appr_0007") == ["1", "3", "2"]
    assert await earlier("appr_0007", 1) == ["1"]
    assert await earlier("appr_0003") == ["2"]  # what was decided before it
    assert await earlier("appr_0004") == []
    assert await earlier("appr_none") == []


async def test_requests_of_one_tenant_are_listed_page_by_page(journal: Journal) -> None:
    for number in (1, 2, 3, 4):
        await journal.create_run(a_run(number, tenant="a" if number % 2 else "b"))
        held = await take(journal, f"run_{number:04}")
        await held.append(step_started("ask", "human_approval"), approval_opened(f"appr_{number:04}"))
    await journal.decide(approve("appr_0001"))

    async def listed(
        status: RequestStatus | None, tenant: str, limit: int = ALL, after: str | None = None
    ) -> list[str]:
        wanted = RequestFilter(status=status, tenant=tenant)
        rows = await journal.request_rows(APPROVAL, wanted, limit, after)
        return [row["request_id"][-1] for row in rows]

    assert await listed(RequestStatus.PENDING, "a") == ["3"]
    assert await listed(None, "a") == ["1", "3"]
    assert await listed(None, "a", limit=1) == ["1"]
    assert await listed(None, "b", after="appr_0002") == ["4"]
    assert await listed(None, "c") == []
    assert await journal.request_rows(APPROVAL, RequestFilter(run_id="run_0001", tenant="b"), ALL) == []
    counters = await journal.counters()
    assert (counters["approval:PENDING/a"], counters["approval:PENDING/b"]) == (1, 2)


ANN, BOB = Owner("acme", "ann"), Owner("acme", "bob")


async def test_notes_of_another_tenant_are_not_there(journal: Journal) -> None:
    notes, elsewhere = journal.notes, Owner("beta", "ann")
    await notes.keep_draft(ANN, "k", "1", NOW, 2)
    await notes.save_filter(ANN, "a", "failed", 2)
    assert await notes.draft(elsewhere, "k") is None
    assert await notes.filters(elsewhere) == []
    await notes.drop_draft(elsewhere, "k")
    await notes.drop_filter(elsewhere, "a")
    assert await notes.draft(ANN, "k") == "1"
    assert await notes.filters(ANN) == [("a", "failed")]


async def test_drafts_are_kept_by_owner_and_key_and_the_oldest_go(journal: Journal) -> None:
    notes = journal.notes
    assert await notes.draft(ANN, "k") is None
    await notes.keep_draft(ANN, "k", "1", NOW, 2)
    await notes.keep_draft(BOB, "k", "2", NOW, 2)
    await notes.keep_draft(ANN, "k", "3", NOW + 1, 2)
    assert [await notes.draft(ANN, "k"), await notes.draft(BOB, "k")] == ["3", "2"]
    await notes.keep_draft(ANN, "l", "4", NOW + 2, 2)
    await notes.keep_draft(ANN, "m", "5", NOW + 3, 2)
    assert [await notes.draft(ANN, key) for key in "klm"] == [None, "4", "5"]
    await notes.drop_draft(ANN, "l")
    await notes.drop_draft(ANN, "none")
    assert await notes.draft(ANN, "l") is None
    assert await notes.draft(BOB, "k") == "2"


async def test_saved_filters_are_listed_by_name_and_bounded(journal: Journal) -> None:
    notes = journal.notes
    assert await notes.save_filter(ANN, "b", "failed", 2)
    assert await notes.save_filter(ANN, "a", "pack:x", 2)
    assert not await notes.save_filter(ANN, "c", "y", 2)
    assert await notes.save_filter(ANN, "b", "again", 2)
    assert await notes.save_filter(BOB, "c", "y", 2)
    assert await notes.filters(ANN) == [("a", "pack:x"), ("b", "again")]
    await notes.drop_filter(ANN, "a")
    assert await notes.filters(ANN) == [("b", "again")]
    assert await notes.filters(Owner("acme", "nobody")) == []


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (EventFilter(), [1, 2, 3, 4, 5]),
        (EventFilter(kind="STEP"), [3, 4]),
        (EventFilter(step_id="read"), [3, 4]),
        (EventFilter(actor="BOB"), [5]),
        (EventFilter(text="Hello"), [4]),
        (EventFilter(text="bob"), [5]),
        (EventFilter(kind="step", text="started"), [3]),
        (EventFilter(text="nothing such"), []),
        (EventFilter(text="100%"), []),
    ],
)
async def test_events_are_found_by_what_they_say(
    journal: Journal, filters: EventFilter, found: list[int]
) -> None:
    held = await hold(journal)
    await held.append(
        step_started("read"),
        event(StepCompleted.kind, "read", output="hello \N{SNOWMAN}", next=1),
        event(RunPauseRequested.kind, actor="bob"),
    )
    lists = journal.lists
    assert await lists.find_events(held.run_id, filters, 0, ALL) == found
    assert await lists.find_events(held.run_id, filters, 3, 4) == [n for n in found if n == 4]
    assert await lists.find_events("run_none", filters, 0, ALL) == []


async def test_step_heads_are_bounded_and_counted(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(*(step_started(f"s{number}") for number in range(5)))
    heads, total = await journal.step_heads(held.run_id, 3)
    assert ([head["path"] for head in heads], total) == (["s0", "s1", "s2"], 5)
    assert len((await journal.step_heads(held.run_id, ALL))[0]) == 5
    assert await journal.step_heads(held.run_id, 0) == ([], 5)
    assert await journal.step_heads("run_none", 3) == ([], 0)


async def test_each_version_of_what_a_trigger_has_seen_is_written_by_one(journal: Journal) -> None:
    assert await journal.shared_notes.read("p/f/t") is None
    assert await journal.shared_notes.note("p/f/t", "1", 0)
    assert not await journal.shared_notes.note("p/f/t", "other", 0)
    assert await journal.shared_notes.read("p/f/t") == (1, "1")
    assert await journal.shared_notes.note("p/f/t", "2", 1)
    assert not await journal.shared_notes.note("p/f/t", "other", 1)
    assert await journal.shared_notes.read("p/f/t") == (2, "2")
    assert not await journal.shared_notes.note("p/f/u", "1", 3)
