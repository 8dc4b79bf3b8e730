from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from engine.journal.records import WorkerRow
from engine.machine.model.inputs import Pause, Resume
from tests.engine.journal.run_script import (
    LATER,
    NOW,
    HeldRun,
    a_run,
    assert_counters_agree,
    hold,
    refused_run,
    step_started,
)

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.journal.records import Claim


async def queue(journal: Journal, *numbers: int, limit: int | None = None, flow: str = "check") -> None:
    for number in numbers:
        await journal.create_run(a_run(number, slot_limit=limit, flow=flow))


async def claim(journal: Journal, worker: str = "w1", limit: int = 10, now: int = NOW) -> list[Claim]:
    await journal.heartbeat(worker, "host", 1, now, now + 10)
    return await journal.claim(worker, now, limit)


def numbers(claims: list[Claim]) -> list[int]:
    return [int(item.run.row["run_id"][4:]) for item in claims]


async def test_runs_are_claimed_oldest_first_up_to_the_limit(journal: Journal) -> None:
    await queue(journal, 3, 1, 2)
    assert numbers(await claim(journal, limit=2)) == [1, 2]
    assert numbers(await claim(journal, limit=0)) == []
    assert numbers(await claim(journal, limit=2)) == [3]
    assert numbers(await claim(journal, limit=2)) == []


async def test_a_claim_brings_row_history_and_mail(journal: Journal) -> None:
    await queue(journal, 1)
    await journal.steer("run_0001", Pause(now=NOW))
    (found,) = await claim(journal)
    assert (found.epoch, found.lost, found.run.snapshot) == (1, False, None)
    assert found.run.row["status"] == "QUEUED"
    assert [stored.run_seq for stored in found.run.events] == [1]
    assert [given for _, given in found.run.mail] == [Pause(now=NOW)]
    row = await journal.run_row("run_0001")
    assert row is not None
    assert (row["lease_worker"], row["lease_epoch"], row["ready"]) == ("w1", 1, 1)


async def test_what_a_living_worker_holds_is_its_own(journal: Journal) -> None:
    await queue(journal, 1)
    await claim(journal, "w1")
    assert not await journal.any_ready(NOW)
    assert await journal.any_busy(NOW)
    assert numbers(await claim(journal, "w2")) == []


async def test_a_dead_worker_s_run_is_claimed_as_lost_under_the_next_epoch(journal: Journal) -> None:
    await queue(journal, 1)
    await claim(journal, "w1")
    assert not await journal.any_ready(NOW + 10)
    assert await journal.any_ready(NOW + 11)
    assert await journal.any_busy(NOW)
    (found,) = await claim(journal, "w2", now=NOW + 11)
    assert (found.epoch, found.lost) == (2, True)
    assert found.run.row["lease_worker"] == "w1"


async def test_a_heartbeat_in_time_keeps_the_lease(journal: Journal) -> None:
    await queue(journal, 1)
    await claim(journal, "w1")
    await journal.heartbeat("w1", "host", 1, NOW + 9, NOW + 19)
    assert numbers(await claim(journal, "w2", now=NOW + 11)) == []


async def test_a_worker_nobody_knows_claims_each_run_once(journal: Journal) -> None:
    await queue(journal, 1, 2)
    assert numbers(await journal.claim("never-seen", NOW, 10)) == [1, 2]


async def test_a_released_run_can_be_claimed_again_and_is_not_lost(journal: Journal) -> None:
    await queue(journal, 1)
    (found,) = await claim(journal, "w1")
    await journal.release("run_0001", found.epoch, ready=True)
    assert [worker.runs_held for worker in await journal.workers()] == [0]
    (again,) = await claim(journal, "w2")
    assert (again.epoch, again.lost) == (2, False)


async def test_a_run_released_as_done_rests(journal: Journal) -> None:
    await queue(journal, 1)
    (found,) = await claim(journal)
    await journal.release("run_0001", found.epoch, ready=False)
    assert not await journal.any_ready(NOW)
    assert numbers(await claim(journal)) == []


async def test_a_run_released_with_mail_stays_ready(journal: Journal) -> None:
    await queue(journal, 1)
    (found,) = await claim(journal)
    await journal.steer("run_0001", Pause(now=NOW))
    await journal.release("run_0001", found.epoch, ready=False)
    assert await journal.any_ready(NOW)
    assert [len(item.run.mail) for item in await claim(journal)] == [1]


async def test_an_old_lease_cannot_release_the_new_one(journal: Journal) -> None:
    await queue(journal, 1)
    (old,) = await claim(journal, "w1")
    await claim(journal, "w2", now=NOW + 11)
    await journal.release("run_0001", old.epoch, ready=True)
    await journal.release("run_none", 1, ready=True)
    row = await journal.run_row("run_0001")
    assert row is not None
    assert row["lease_worker"] == "w2"


async def test_one_run_can_be_claimed_by_its_id_though_it_rests(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(status=RunStatus.PAUSED, release=True, ready=False)
    await queue(journal, 2)
    (found,) = await journal.claim("w1", NOW, 1, "run_0001")
    assert found.run.row["run_id"] == "run_0001"
    assert found.epoch == held.epoch + 1


async def test_a_held_or_unknown_run_cannot_be_claimed_by_its_id(journal: Journal) -> None:
    await queue(journal, 1)
    await claim(journal, "w1")
    assert await journal.claim("w2", NOW, 1, "run_0001") == []
    assert await journal.claim("w2", NOW, 1, "run_none") == []


async def start(journal: Journal, found: Claim) -> HeldRun:
    held = HeldRun(journal, found.run.row["run_id"], found.epoch, found.run.row["run_seq"])
    await held.append(step_started("a"))
    return held


async def test_a_capped_flow_starts_as_many_runs_as_it_has_slots(journal: Journal) -> None:
    await queue(journal, 1, 2, 3, limit=2)
    await queue(journal, 4)
    found = await claim(journal)
    assert numbers(found) == [1, 2, 4]
    assert not await journal.any_ready(NOW)
    first = await start(journal, found[0])
    await start(journal, found[1])
    assert (await journal.counters())["slot:docs/check"] == 2
    assert numbers(await claim(journal, "w2")) == []
    await first.append(status=RunStatus.COMPLETED, release=True, ready=False)
    assert await journal.any_ready(NOW)
    assert numbers(await claim(journal, "w2")) == [3]
    await assert_counters_agree(journal)


async def test_capped_runs_do_not_use_up_the_limit_of_a_claim(journal: Journal) -> None:
    await queue(journal, 1, 2, 3, 4, limit=1)
    await queue(journal, 5, 6)
    assert numbers(await claim(journal, limit=2)) == [1, 5]


async def test_a_run_that_holds_its_slot_goes_on_though_all_are_taken(journal: Journal) -> None:
    await queue(journal, 1, 2, limit=1)
    (found,) = await claim(journal, limit=5)
    held = await start(journal, found)
    await held.append(status=RunStatus.RETRYING, release=True, ready=True)
    assert numbers(await claim(journal, "w2")) == [1]


async def test_a_waiting_run_gives_its_slot_back_and_waits_for_one(journal: Journal) -> None:
    await queue(journal, 1, 2, limit=1)
    held = await start(journal, (await claim(journal))[0])
    await held.append(status=RunStatus.PENDING_HUMAN, release=True, ready=False)
    assert (await journal.counters())["slot:docs/check"] == 0
    second = await start(journal, (await claim(journal, "w2"))[0])
    await journal.steer(held.run_id, Pause(now=NOW))
    assert numbers(await claim(journal)) == []
    await second.append(status=RunStatus.COMPLETED, release=True, ready=False)
    assert numbers(await claim(journal)) == [1]
    await assert_counters_agree(journal)


async def test_the_slot_of_a_worker_that_died_before_it_began_is_free_again(journal: Journal) -> None:
    await queue(journal, 1, 2, limit=1)
    assert numbers(await claim(journal, "w1")) == [1]
    assert not await journal.any_ready(NOW)
    assert await journal.any_ready(NOW + 11)
    (found,) = await claim(journal, "w2", now=NOW + 11)
    assert (found.run.row["run_id"], found.lost) == ("run_0001", True)


async def test_the_strictest_limit_of_a_flow_s_versions_counts(journal: Journal) -> None:
    await queue(journal, 1, 2, limit=5)
    await queue(journal, 3, limit=1)
    assert numbers(await claim(journal)) == [1]


async def test_slots_belong_to_one_flow(journal: Journal) -> None:
    await queue(journal, 1, 2, limit=1)
    await queue(journal, 3, 4, limit=1, flow="other")
    assert numbers(await claim(journal)) == [1, 3]


async def test_what_a_worker_held_that_is_known_to_be_dead_is_claimed_at_once(journal: Journal) -> None:
    await queue(journal, 1)
    await claim(journal, "w1")
    assert await claim(journal, "w2") == []
    await journal.heartbeat("w2", "host", 1, NOW, NOW + 10, dead=["w1"])
    (found,) = await journal.claim("w2", NOW, 10)
    assert found.lost


async def test_how_often_in_a_row_the_work_on_a_run_failed_is_counted_for_who_holds_it(
    journal: Journal,
) -> None:
    held = await hold(journal)
    assert [await journal.work_failed(held.run_id, held.epoch) for _ in range(2)] == [1, 2]
    assert await journal.work_failed(held.run_id, held.epoch - 1) == 0
    assert await journal.work_failed("run_none", held.epoch) == 0
    await held.append(step_started("a"))
    assert await journal.work_failed(held.run_id, held.epoch) == 1


async def test_a_worker_gets_the_mail_of_its_own_runs_in_order(journal: Journal) -> None:
    await hold(journal, 1, worker="w1")
    await hold(journal, 2, worker="w2")
    await journal.steer("run_0001", Pause(now=NOW))
    await journal.steer("run_0002", Pause(now=NOW + 1))
    await journal.steer("run_0001", Resume(now=NOW + 2))
    found = await journal.mail_for("w1")
    assert [(run_id, given) for _, run_id, given in found] == [
        ("run_0001", Pause(now=NOW)),
        ("run_0001", Resume(now=NOW + 2)),
    ]
    assert [mail_id for mail_id, _, _ in found] == sorted({mail_id for mail_id, _, _ in found})
    assert len(await journal.mail_for("w2")) == 1
    assert await journal.mail_for("w3") == []


async def test_mail_numbers_are_never_used_twice(journal: Journal) -> None:
    held = await hold(journal, worker="w1")
    seen = set()
    for _ in range(3):
        await journal.steer("run_0001", Pause(now=NOW))
        ((mail_id, _, _),) = await journal.mail_for("w1")
        assert mail_id not in seen
        seen.add(mail_id)
        await held.append(step_started("a"), consumed=[mail_id])


async def test_workers_are_listed_with_what_they_hold(journal: Journal) -> None:
    await hold(journal, 1, worker="w2")
    await hold(journal, 2, worker="w2")
    await journal.create_run(refused_run(3))
    await journal.heartbeat("w1", "elsewhere", 7, NOW, LATER)
    assert await journal.workers() == [
        WorkerRow("w1", "elsewhere", 7, LATER, 0),
        WorkerRow("w2", "host", 1, LATER, 2),
    ]
    await journal.heartbeat("w1", "elsewhere", 7, NOW, LATER + 5)
    await journal.retire("w2")
    await journal.retire("nobody")
    assert await journal.workers() == [WorkerRow("w1", "elsewhere", 7, LATER + 5, 0)]


async def test_dead_workers_are_forgotten_once_they_hold_nothing(journal: Journal) -> None:
    await journal.heartbeat("idle", "host", 2, NOW, NOW + 1)
    await queue(journal, 1)
    (found,) = await claim(journal, "holder")
    await journal.heartbeat("w1", "host", 3, NOW + 11, LATER)
    assert [worker.worker_id for worker in await journal.workers()] == ["holder", "w1"]
    await journal.release("run_0001", found.epoch, ready=True)
    await journal.heartbeat("w1", "host", 3, NOW + 11, LATER)
    assert [worker.worker_id for worker in await journal.workers()] == ["w1"]
