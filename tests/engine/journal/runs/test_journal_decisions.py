from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.listed import WaitingFor
from engine.contracts.status import RunStatus, WaitKind
from engine.errors import AlreadyDecided, ErrorCode, NotFound, Refused
from engine.journal.encoding import encode
from engine.journal.errors import SeqConflict
from engine.journal.records import Decided, RunHead
from engine.machine.events.request_facts import (
    ApprovalDecided,
    ApprovalVoided,
    PersonalDataShown,
    RequestExpired,
    RequestWithdrawn,
    UserInputReceived,
)
from engine.machine.events.step_facts import StepCompleted
from engine.machine.model.inputs import FormSubmitted, RequestDecided
from tests.engine.journal.run_script import (
    LATER,
    NOW,
    HeldRun,
    a_run,
    answer,
    approval_opened,
    approve,
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


async def everything(journal: Journal) -> list[Any]:
    return [
        await journal.run_row("run_0001"),
        await journal.request_row("appr_0001"),
        await journal.feed_events(0, 100),
        await journal.counters(),
        await journal.next_timer(),
        await journal.any_ready(NOW),
    ]


async def test_a_decision_is_an_event_a_closed_request_and_mail(journal: Journal) -> None:
    timers = {"timeout:ask": LATER + 5, "max_duration": LATER + 9}
    held = await wait_for_approval(journal, expires_at=LATER + 5, timers=timers)
    assert await journal.decide(approve("appr_0001", blobs={"b": b"x"})) == Decided("run_0001", "ask")
    row = await held.row()
    assert (row["run_seq"], row["updated_at"], row["ready"], row["status"]) == (5, LATER, 1, "PENDING_HUMAN")
    (stored,) = await journal.events_after("run_0001", 4)
    assert (stored.event.kind, stored.event.actor, stored.event.ts, stored.event.step_id) == (
        ApprovalDecided.kind,
        "bob",
        LATER,
        "ask",
    )
    assert stored.event.payload == {
        "approval_id": "appr_0001",
        "decision": "APPROVED",
        "comment": "fine",
    }
    request = await journal.request_row("appr_0001")
    assert request is not None
    assert [request[name] for name in ("status", "decided_at", "decided_by", "decision", "comment")] == [
        "APPROVED",
        LATER,
        "bob",
        "APPROVED",
        "fine",
    ]
    assert request.get("decided_event") == encode(stored.event.payload)
    assert await journal.next_timer() == LATER + 9
    assert await journal.blob("b") == b"x"
    (claim,) = await journal.claim("worker-1", NOW, 5)
    assert [given for _, given in claim.run.mail] == [
        RequestDecided(now=LATER, actor="bob", path="ask", request_id="appr_0001")
    ]
    await assert_counters_agree(journal)


async def test_an_answer_is_recorded_the_same_way(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(
        step_started("ask", "user_input"),
        form_opened("form_1"),
        status=RunStatus.PENDING_USER_INPUT,
        release=True,
        ready=False,
    )
    await journal.decide(answer("form_1"))
    row = await journal.request_row("form_1")
    assert row is not None
    assert (row["status"], row["decided_by"], row["comment"]) == ("ANSWERED", "bob", None)
    (stored,) = await journal.events_after("run_0001", 4)
    assert isinstance(stored.event.fact, UserInputReceived)
    (claim,) = await journal.claim("worker-1", NOW, 5)
    assert [given for _, given in claim.run.mail] == [
        FormSubmitted(now=LATER, actor="bob", path="ask", request_id="form_1")
    ]
    await assert_counters_agree(journal)


async def test_the_second_decision_is_told_who_was_first(journal: Journal) -> None:
    await wait_for_approval(journal)
    await journal.decide(approve("appr_0001"))
    before = await everything(journal)
    with pytest.raises(AlreadyDecided) as caught:
        await journal.decide(approve("appr_0001", actor="eve", blobs={"b": b"x"}))
    assert caught.value.details == {
        "approval_id": "appr_0001",
        "run_id": "run_0001",
        "decision": "APPROVED",
        "decided_by": "bob",
        "decided_at": "2023-11-14T22:14:20.000000Z",
    }
    assert caught.value.message == "already decided by bob at 2023-11-14 22:14:20 UTC: APPROVED"
    assert await everything(journal) == before
    assert await journal.blob("b") is None


async def test_of_many_decisions_at_once_exactly_one_counts(journal: Journal) -> None:
    await wait_for_approval(journal)
    decisions = [approve("appr_0001", actor=f"person-{number}") for number in range(20)]
    results = await asyncio.gather(*map(journal.decide, decisions), return_exceptions=True)
    assert results.count(Decided("run_0001", "ask")) == 1
    assert sum(isinstance(result, AlreadyDecided) for result in results) == 19
    winner = decisions[results.index(Decided("run_0001", "ask"))].actor
    request = await journal.request_row("appr_0001")
    assert request is not None
    assert request["decided_by"] == winner
    kinds = [stored.event.kind for stored in await journal.events_after("run_0001", 4)]
    assert kinds == [ApprovalDecided.kind]
    (claim,) = await journal.claim("worker-1", NOW, 5)
    assert len(claim.run.mail) == 1
    await assert_counters_agree(journal)


async def test_a_withdrawn_approval_cannot_be_decided(journal: Journal) -> None:
    held = await wait_for_approval(journal, parked=False)
    await held.append(event(RequestWithdrawn.kind, "ask", request_id="appr_0001", reason="cancelled"))
    before = await everything(journal)
    with pytest.raises(Refused) as caught:
        await journal.decide(approve("appr_0001"))
    assert caught.value.code is ErrorCode.REQUEST_WITHDRAWN
    assert caught.value.details["status"] == "WITHDRAWN"
    assert await everything(journal) == before


async def test_an_approval_voided_before_it_was_decided_cannot_be_decided(journal: Journal) -> None:
    held = await wait_for_approval(journal, parked=False)
    await held.append(event(ApprovalVoided.kind, "ask", approval_id="appr_0001", reason="changed", next=0))
    with pytest.raises(Refused) as caught:
        await journal.decide(approve("appr_0001"))
    assert caught.value.code is ErrorCode.REQUEST_WITHDRAWN
    assert caught.value.details["status"] == "VOID"
    await assert_counters_agree(journal)


async def test_an_approval_voided_after_it_was_decided_names_the_decision(journal: Journal) -> None:
    held = await wait_for_approval(journal, parked=False)
    await journal.decide(approve("appr_0001"))
    held.seq += 1
    voided = event(
        ApprovalVoided.kind, "ask", ts=LATER + 1_000_000, approval_id="appr_0001", reason="used", next=0
    )
    await held.append(voided)
    with pytest.raises(AlreadyDecided) as caught:
        await journal.decide(approve("appr_0001", actor="eve"))
    assert caught.value.details["decided_by"] == "bob"
    assert caught.value.details["decided_at"] == "2023-11-14T22:14:20.000000Z"


async def test_what_people_said_is_read_for_many_runs_at_once(journal: Journal) -> None:
    for number in (1, 2, 3):
        held = await hold(journal, number)
        await held.append(step_started("ask", "human_approval"), approval_opened(f"appr_000{number}"))
    await journal.decide(approve("appr_0001"))
    quiet = {"approval_id": "appr_0002", "decision": "APPROVED", "comment": ""}
    await journal.decide(approve("appr_0002", payload=quiet))
    said = await journal.comments(["run_0001", "run_0001", "run_0002", "run_0003", "run_none"])
    comment = {"run_id": "run_0001", "step_id": "ask", "comment": "fine", "decision": "APPROVED"}
    assert said == {"run_0001": [{**comment, "decided_by": "bob", "decided_at": LATER}]}


async def test_only_what_was_shown_can_be_decided(journal: Journal) -> None:
    await wait_for_approval(journal)
    before = await everything(journal)
    with pytest.raises(Refused) as caught:
        await journal.decide(approve("appr_0001", digest="something else"))
    assert caught.value.code is ErrorCode.APPROVAL_CHANGED
    assert caught.value.details["stored"] == "shown"
    assert await everything(journal) == before
    await journal.decide(approve("appr_0001", digest="shown"))


@pytest.mark.parametrize("decision", [approve("appr_none"), answer("appr_0001"), answer("form_none")])
async def test_a_request_that_is_not_there_is_not_found(journal: Journal, decision: Any) -> None:
    await wait_for_approval(journal)
    with pytest.raises(NotFound) as caught:
        await journal.decide(decision)
    assert caught.value.details == {"id": decision.request_id}


async def test_a_worker_that_did_not_see_the_decision_has_to_read_on(journal: Journal) -> None:
    held = await wait_for_approval(journal, parked=False)
    await journal.decide(approve("appr_0001"))
    assert [run_id for _, run_id, _ in await journal.mail_for("worker-1")] == ["run_0001"]
    with pytest.raises(SeqConflict):
        await held.append(event(RequestWithdrawn.kind, "ask", request_id="appr_0001", reason="timeout"))
    held.seq += 1
    await held.append(event(StepCompleted.kind, "ask", output={}, next=1))


async def test_the_worker_that_decides_takes_the_run_in_the_same_transaction(journal: Journal) -> None:
    await wait_for_approval(journal)
    decided = await journal.decide(approve("appr_0001", worker_id="worker-2"))
    assert decided.claim is not None
    assert (decided.claim.epoch, decided.claim.lost) == (2, False)
    assert [type(given) for _, given in decided.claim.run.mail] == [RequestDecided]
    assert isinstance(decided.claim.run.events[-1].event.fact, ApprovalDecided)
    row = await journal.run_row("run_0001")
    assert row is not None
    assert row["lease_worker"] == "worker-2"


async def test_what_is_taken_with_a_decision_is_what_stands_in_the_journal(journal: Journal) -> None:
    await wait_for_approval(journal)
    decided = await journal.decide(approve("appr_0001", worker_id="worker-2"))
    assert decided.claim is not None
    taken = decided.claim.run
    stored = await journal.events_after("run_0001", 0)
    assert [(one.run_seq, one.event) for one in taken.events] == [(one.run_seq, one.event) for one in stored]
    told = [(mail_id, "run_0001", given) for mail_id, given in taken.mail]
    assert told == await journal.mail_for("worker-2")
    row = await journal.run_row("run_0001")
    assert row is not None
    assert (taken.row["run_seq"], taken.row["updated_at"]) == (row["run_seq"], row["updated_at"])


async def test_a_run_that_a_living_worker_holds_is_not_taken_with_a_decision(journal: Journal) -> None:
    held = await wait_for_approval(journal, parked=False)
    decided = await journal.decide(approve("appr_0001", worker_id="worker-2"))
    assert decided.claim is None
    assert (await held.row())["lease_worker"] == "worker-1"


async def test_a_run_of_a_capped_flow_waits_for_its_slot_after_a_decision(journal: Journal) -> None:
    await journal.create_run(a_run(1, slot_limit=1))
    held = await take(journal, "run_0001")
    await held.append(
        step_started("ask", "human_approval"),
        approval_opened("appr_0001"),
        status=RunStatus.PENDING_HUMAN,
        release=True,
        ready=False,
    )
    decided = await journal.decide(approve("appr_0001", worker_id="worker-2"))
    assert decided.claim is None
    assert (await held.row())["lease_worker"] is None


async def test_a_run_taken_with_a_decision_is_claimed_again_when_its_worker_dies(journal: Journal) -> None:
    await wait_for_approval(journal)
    await journal.heartbeat("worker-2", "host", 2, LATER, LATER + 10)
    await journal.decide(approve("appr_0001", worker_id="worker-2"))
    assert await journal.claim("worker-3", LATER + 10, 10) == []
    (found,) = await journal.claim("worker-3", LATER + 11, 10)
    assert (found.epoch, found.lost) == (3, True)
    assert [type(given) for _, given in found.run.mail] == [RequestDecided]


async def expiring(journal: Journal) -> HeldRun:
    """A parked run whose approval can be decided until LATER."""
    held = await hold(journal, 1)
    opened = approval_opened("appr_0001", expires_at=LATER)
    timers = {"timeout:ask": LATER}
    ask = step_started("ask", "human_approval")
    waits = RunStatus.PENDING_HUMAN
    await held.append(ask, opened, status=waits, timers=timers, release=True, ready=False)
    return held


async def test_a_decision_at_its_last_moment_counts(journal: Journal) -> None:
    await expiring(journal)
    await journal.decide(approve("appr_0001", now=LATER - 1))
    request = await journal.request_row("appr_0001")
    assert request is not None
    assert (request["status"], request["expires_at"]) == ("APPROVED", LATER)


@pytest.mark.parametrize("late", [0, 1])
async def test_a_decision_past_its_time_is_refused_and_the_request_is_expired(
    journal: Journal, late: int
) -> None:
    held = await expiring(journal)
    with pytest.raises(Refused) as caught:
        await journal.decide(approve("appr_0001", now=LATER + late, blobs={"b": b"x"}))
    assert caught.value.code is ErrorCode.REQUEST_EXPIRED
    request = await journal.request_row("appr_0001")
    assert request is not None
    assert (request["status"], request["decision"], request["decided_by"]) == ("EXPIRED", None, None)
    (stored,) = await journal.events_after("run_0001", held.seq)
    assert (stored.event.kind, stored.event.actor) == ("request_expired", "engine")
    assert not await journal.has_mail("run_0001")
    assert await journal.blob("b") is None
    assert await journal.next_timer() == LATER
    with pytest.raises(Refused) as again:
        await journal.decide(approve("appr_0001", now=LATER - 1))
    assert again.value.code is ErrorCode.REQUEST_EXPIRED
    assert await journal.events_after("run_0001", held.seq + 1) == []
    await assert_counters_agree(journal)


async def test_a_request_expires_no_earlier_than_what_its_run_did_last(journal: Journal) -> None:
    held = await expiring(journal)
    assert await journal.note("appr_0001", PersonalDataShown("appr_0001"), "bob", "console", LATER + 9)
    with pytest.raises(Refused):
        await journal.decide(approve("appr_0001", now=LATER))
    (stored,) = await journal.events_after("run_0001", held.seq + 1)
    assert (stored.event.kind, stored.event.ts) == ("request_expired", LATER + 9)


@pytest.mark.parametrize(
    ("timer", "step"), [("max_duration", None), ("timeout:both", "both"), ("timeout:both/0", "both/0")]
)
async def test_a_decision_at_the_last_moment_of_what_is_around_its_request_counts(
    journal: Journal, timer: str, step: str | None
) -> None:
    held = await hold(journal)
    asks = step_started("both/0/ask", "human_approval"), approval_opened("appr_0001", "both/0/ask")
    waits = RunStatus.PENDING_HUMAN
    await held.append(*asks, status=waits, timers={timer: LATER}, release=True, ready=False)
    with pytest.raises(Refused) as caught:
        await journal.decide(approve("appr_0001", now=LATER))
    assert (caught.value.code, caught.value.details["step_id"]) == (ErrorCode.REQUEST_EXPIRED, step)
    assert (await journal.decide(approve("appr_0001", now=LATER - 1))).step_id == "both/0/ask"


async def test_a_run_waits_for_a_worker_once_what_it_waited_for_is_decided(journal: Journal) -> None:
    waits = WaitingFor(kind=WaitKind.APPROVAL, id="appr_0001")
    held = await wait_for_approval(journal, head=RunHead(RunStatus.PENDING_HUMAN, "ask", waits))
    await journal.decide(approve("appr_0001"))
    row = await held.row()
    assert (row["waiting_for"], row["waiting_for_id"]) == ("worker", None)


async def test_a_fact_about_a_request_is_noted_while_it_is_open(journal: Journal) -> None:
    held = await wait_for_approval(journal)
    seen = PersonalDataShown("appr_0001")
    assert await journal.note("appr_0001", seen, "bob", "cli", NOW - 5)
    (stored,) = await journal.events_after("run_0001", held.seq)
    told = stored.event
    assert (told.fact, told.ts, told.actor, told.via) == (seen, NOW, "bob", "cli")
    await journal.decide(approve("appr_0001"))
    assert not await journal.note("appr_0001", seen, "bob", "cli", LATER)
    assert not await journal.note("appr_none", seen, "bob", "cli", LATER)
    assert len(await journal.events_after("run_0001", held.seq)) == 2


async def test_what_is_decided_does_not_expire(journal: Journal) -> None:
    held = await expiring(journal)
    await journal.decide(approve("appr_0001", now=LATER - 1))
    held = await take(journal, "run_0001", start=False)
    await held.append(event(RequestExpired.kind, "ask", request_id="appr_0001"))
    request = await journal.request_row("appr_0001")
    assert request is not None
    assert request["status"] == "APPROVED"
