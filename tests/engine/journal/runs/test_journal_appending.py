from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.listed import WaitingFor
from engine.contracts.status import RunStatus, WaitKind
from engine.errors import Unavailable
from engine.journal.errors import LeaseLost, SeqConflict
from engine.journal.records import Commit, RunHead
from engine.machine.events.run_facts import (
    OutputWritten,
    RunCompleted,
    RunFailed,
    RunPaused,
    RunPauseRequested,
    RunRetried,
    RunStarted,
)
from engine.machine.events.step_facts import StepCompleted
from engine.machine.model.inputs import Pause, Resume, TimerFired
from tests.engine.journal.run_script import (
    LATER,
    NOW,
    HeldRun,
    a_run,
    approval_opened,
    assert_counters_agree,
    event,
    hold,
    step_started,
    take,
)

if TYPE_CHECKING:
    from engine.journal.port import Journal


async def untouched(journal: Journal, held: HeldRun, before: dict[str, object]) -> None:
    assert await held.row() == before
    assert await journal.last_seq() == before["run_seq"]
    assert await journal.page_steps(held.run_id, 0, 1_000) == []
    assert await journal.next_timer() is None
    assert await journal.blob("b") is None
    await assert_counters_agree(journal)


async def test_a_transition_is_one_row_of_events_and_one_new_head(journal: Journal) -> None:
    held = await hold(journal)
    head = RunHead(
        RunStatus.RETRYING,
        current_step="read",
        waiting_for=WaitingFor(kind=WaitKind.RETRY),
        error={"code": "timeout", "message": "slow"},
        steps_executed=1,
        tool_calls=2,
        tokens_used=3,
        cancel="boundary",
        pause=True,
    )
    await held.append(step_started("read"), event(StepCompleted.kind, "read", output=1), head=head)
    row = await held.row()
    assert [item.run_seq for item in await journal.events_after(held.run_id, 0)] == [1, 2, 3, 4]
    assert row["status"] == "RETRYING"
    assert (row["run_seq"], row["current_step"], row["waiting_for"]) == (4, "read", "retry")
    assert (row["steps_executed"], row["tool_calls"], row["tokens_used"]) == (1, 2, 3)
    assert (row["cancel"], row["pause"], row["started_at"]) == ("boundary", 1, NOW)
    assert row["error"] == '{"code":"timeout","message":"slow"}'
    assert (row["lease_worker"], row["ready"]) == ("worker-1", 1)
    await assert_counters_agree(journal)


async def test_who_computed_on_an_older_history_is_told_so(journal: Journal) -> None:
    held = await hold(journal)
    before = await held.row()
    for seq in (held.seq - 1, held.seq + 1):
        stale = held.commit(step_started("read"), expected_seq=seq, blobs={"b": b"x"}, timers={"t": LATER})
        with pytest.raises(SeqConflict):
            await journal.append(stale)
    await untouched(journal, held, before)


async def test_a_lease_that_was_taken_over_writes_nothing(journal: Journal) -> None:
    held = await hold(journal)
    await journal.retire("worker-1")
    other = await take(journal, held.run_id, worker="worker-2", start=False)
    before = await held.row()
    with pytest.raises(LeaseLost):
        await held.append(step_started("read"), blobs={"b": b"x"}, timers={"t": LATER})
    await untouched(journal, held, before)
    await other.append(step_started("read"))


async def test_a_lease_that_was_given_back_writes_nothing(journal: Journal) -> None:
    held = await hold(journal)
    await journal.release(held.run_id, held.epoch, ready=True)
    with pytest.raises(LeaseLost):
        await held.append(step_started("read"))


async def test_an_unknown_run_cannot_be_appended_to(journal: Journal) -> None:
    with pytest.raises(LeaseLost):
        await HeldRun(journal, "run_none", 1, 0).append(event(RunStarted.kind))


async def test_a_transition_that_fails_half_way_leaves_nothing(journal: Journal) -> None:
    first = await hold(journal, 1)
    await first.append(step_started("ask", "human_approval"), approval_opened("appr_1"))
    second = await hold(journal, 2)
    before, seq = await second.row(), await journal.last_seq()
    counters = await journal.counters()
    mail = [(first.run_id, Pause(now=NOW))]
    with pytest.raises(Unavailable):
        await second.append(
            step_started("ask", "human_approval"),
            approval_opened("appr_1"),
            blobs={"b": b"x"},
            timers={"t": LATER},
            mail=mail,
        )
    with pytest.raises(Unavailable):
        await second.append(
            step_started("sub", "subflow"),
            blobs={"b": b"x"},
            timers={"t": LATER},
            children=[a_run(1)],
            mail=mail,
        )
    assert await second.row() == before
    assert await journal.last_seq() == seq
    assert await journal.counters() == counters
    assert await journal.page_steps(second.run_id, 0, 1_000) == []
    assert await journal.blob("b") is None
    assert await journal.next_timer() is None
    assert await journal.mail_for("worker-1") == []
    await second.append(step_started("read"))
    assert await journal.last_seq() == seq + 1


async def test_the_end_of_a_run_is_when_it_ended_whatever_is_written_later(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(
        event(RunCompleted.kind, ts=NOW + 5, output={"x": 1}), status=RunStatus.COMPLETED, now=NOW + 5
    )
    await held.append(
        event(OutputWritten.kind, ts=NOW + 9),
        status=RunStatus.COMPLETED,
        now=NOW + 9,
        release=True,
        ready=False,
    )
    row = await held.row()
    assert (row["finished_at"], row["updated_at"], row["output_seq"]) == (NOW + 5, NOW + 9, 3)
    assert (row["ready"], row["lease_worker"]) == (0, None)
    view = await journal.run_view_row(held.run_id)
    assert view is not None
    assert view["output_event"] == '{"ok":true,"output":{"x":1}}'
    await assert_counters_agree(journal)


async def test_a_retried_run_is_not_finished_and_ends_again(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(event(RunFailed.kind, ts=NOW + 1, error={}), status=RunStatus.FAILED)
    assert (await held.row())["finished_at"] == NOW + 1
    await held.append(event(RunRetried.kind, ts=NOW + 2))
    assert (await held.row())["finished_at"] is None
    await held.append(
        event(RunFailed.kind, ts=NOW + 3, error={}),
        event(RunRetried.kind, ts=NOW + 4),
        event(RunFailed.kind, ts=NOW + 5, error={}),
        status=RunStatus.FAILED,
    )
    assert (await held.row())["finished_at"] == NOW + 5
    await assert_counters_agree(journal)


async def test_a_parked_run_has_no_lease_and_no_work(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(event(RunPaused.kind), status=RunStatus.PAUSED, release=True, ready=False)
    row = await held.row()
    assert (row["lease_worker"], row["ready"]) == (None, 0)
    assert not await journal.any_ready(NOW)


async def test_a_parked_run_with_mail_stays_ready(journal: Journal) -> None:
    held = await hold(journal)
    await journal.steer(held.run_id, Pause(now=NOW))
    await held.append(step_started("a"), release=True, ready=False)
    row = await held.row()
    assert (row["lease_worker"], row["ready"]) == (None, 1)
    assert await journal.any_ready(NOW)


async def test_consumed_mail_is_gone_and_does_not_keep_a_run_ready(journal: Journal) -> None:
    held = await hold(journal)
    await journal.steer(held.run_id, Pause(now=NOW))
    ((mail_id, _, _),) = await journal.mail_for("worker-1")
    await held.append(
        event(RunPaused.kind), status=RunStatus.PAUSED, release=True, ready=False, consumed=[mail_id]
    )
    assert (await held.row())["ready"] == 0
    assert await journal.mail_for("worker-1") == []


async def test_mail_to_another_run_wakes_it(journal: Journal) -> None:
    parent, child = await hold(journal, 1), await hold(journal, 2)
    await parent.append(step_started("sub", "subflow"), release=True, ready=False)
    assert (await parent.row())["ready"] == 0
    given = TimerFired(now=NOW, timer="x")
    await child.append(step_started("a"), mail=[(parent.run_id, given)])
    assert (await parent.row())["ready"] == 1
    (claim,) = await journal.claim("worker-1", NOW, 5, parent.run_id)
    assert [item for _, item in claim.run.mail] == [given]


async def test_children_are_queued_in_the_same_commit(journal: Journal) -> None:
    held = await hold(journal)
    child = a_run(2, parent_run_id=held.run_id, parent_path="sub", depth=1, blobs={"c": b"child"})
    await held.append(step_started("sub", "subflow", child_run_id="run_0002"), children=[child])
    row = await journal.run_row("run_0002")
    assert row is not None
    assert (row["status"], row["parent_run_id"], row["parent_path"], row["depth"]) == (
        "QUEUED",
        held.run_id,
        "sub",
        1,
    )
    assert await journal.blob("c") == b"child"
    await assert_counters_agree(journal)


async def test_a_claim_begins_at_the_newest_snapshot(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(step_started("a"), snapshot=b"first")
    await held.append(step_started("b"), snapshot=b"second")
    await held.append(step_started("c"), release=True, ready=True)
    (claim,) = await journal.claim("worker-1", NOW, 5)
    assert claim.run.snapshot == b"second"
    assert [stored.event.step_id for stored in claim.run.events] == ["c"]


async def test_timers_are_set_moved_and_cancelled(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(step_started("a"), timers={"t": NOW + 10, "u": NOW + 20})
    assert await journal.next_timer() == NOW + 10
    await held.append(step_started("b"), timers={"t": NOW + 30, "none": None})
    assert await journal.next_timer() == NOW + 20
    await held.append(step_started("c"), timers={"t": None, "u": None})
    assert await journal.next_timer() is None


async def test_a_stored_value_stays_as_it_was_first(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(step_started("a"), blobs={"b": b"first"})
    await held.append(step_started("b"), blobs={"b": b"second"})
    assert await journal.blob("b") == b"first"
    assert await journal.blob("none") is None


async def test_a_transition_that_does_not_know_of_newer_mail_is_a_conflict(journal: Journal) -> None:
    held = await hold(journal)
    await journal.steer(held.run_id, Pause(now=NOW, actor="ana"))
    ((mail_id, _, _),) = await journal.mail_for("worker-1")
    with pytest.raises(SeqConflict):
        await held.append(step_started("read"), mail_seen=mail_id - 1)
    assert await journal.page_steps(held.run_id, 0, 1_000) == []
    assert await journal.has_mail(held.run_id)
    await held.append(event(RunPauseRequested.kind), mail_seen=mail_id, consumed=[mail_id])
    assert not await journal.has_mail(held.run_id)


async def test_of_several_mails_a_transition_has_to_know_the_newest(journal: Journal) -> None:
    held = await hold(journal)
    for verb in (Pause(now=NOW, actor="ana"), Resume(now=NOW, actor="ana")):
        await journal.steer(held.run_id, verb)
    (older, _, _), (newest, _, _) = await journal.mail_for("worker-1")
    with pytest.raises(SeqConflict):
        await held.append(step_started("read"), mail_seen=older)
    await held.append(step_started("read"), mail_seen=newest)


async def test_a_run_can_be_created_held_with_its_first_transition(journal: Journal) -> None:
    await journal.heartbeat("worker-1", "host", 1, NOW, LATER)
    new = a_run(1)
    first = Commit(
        new.run_id,
        len(new.events),
        1,
        [event(RunStarted.kind), step_started("read")],
        RunHead(RunStatus.RUNNING),
        NOW,
    )
    assert await journal.create_run(replace(new, worker_id="worker-1", first=first)) == (new.run_id, True)
    row = await journal.run_row(new.run_id)
    assert row is not None
    assert (row["status"], row["lease_worker"], row["lease_epoch"]) == ("RUNNING", "worker-1", 1)
    assert await journal.claim("worker-2", NOW, 5) == []
    await assert_counters_agree(journal)


async def test_a_commit_without_events_tells_no_other_moment(journal: Journal) -> None:
    held = await hold(journal, 1)
    await held.append(step_started("a"), now=NOW + 5)
    before = await held.row()
    await held.append(now=NOW + 60, release=True, ready=True)
    row = await held.row()
    assert (row["updated_at"], row["worked"]) == (before["updated_at"], before["worked"]) == (NOW + 5, 5)
    held = await take(journal, "run_0001", start=False)
    await held.append(step_started("b"), now=NOW + 90)
    row = await held.row()
    assert (row["updated_at"], row["worked"]) == (NOW + 90, 90)
