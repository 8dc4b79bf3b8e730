"""Timers become mail once, and what is due stays as far away when a clock is set."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.listed import WaitingFor
from engine.contracts.status import RequestKind, RunStatus, WaitKind
from engine.contracts.times import from_micros, rfc3339
from engine.errors import Refused
from engine.journal.records import ClockOffset, RunHead
from engine.journal.rules.journal_writes import TIMERS_AT_ONCE
from engine.machine.events.request_facts import UserInputRequested
from engine.machine.model.inputs import TimerFired
from tests.engine.journal.run_script import LATER, NOW, approval_opened, event, hold, step_started

if TYPE_CHECKING:
    from engine.journal.port import Journal


async def test_a_due_timer_becomes_mail_exactly_once(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(
        step_started("a"), timers={"retry:a": NOW + 5, "max_duration": NOW + 9}, release=True, ready=False
    )
    assert await journal.fire_timers(NOW + 4) == 0
    assert not await journal.any_ready(NOW)
    assert await journal.fire_timers(NOW + 5) == 1
    assert await journal.fire_timers(NOW + 5) == 0
    assert await journal.next_timer() == NOW + 9
    await journal.heartbeat("w1", "host", 1, NOW, LATER)
    (found,) = await journal.claim("w1", NOW, 1)
    assert [given for _, given in found.run.mail] == [TimerFired(now=NOW + 5, actor="timer", timer="retry:a")]


@pytest.mark.parametrize(
    ("ahead", "moved"), [(999_999, 0), (1_000_000, 1_000_000), (-999_999, 0), (-1_000_000, -1_000_000)]
)
async def test_what_is_due_moves_with_a_clock_that_was_set_and_not_with_one_that_is_kept_right(
    journal: Journal, ahead: int, moved: int
) -> None:
    held = await hold(journal)
    await held.append(step_started("a"), timers={"retry:a": LATER})
    await journal.fire_timers(NOW, ClockOffset("boot", 0))
    assert await journal.next_timer() == LATER
    await journal.fire_timers(NOW, ClockOffset("boot", ahead))
    assert await journal.next_timer() == LATER + moved
    await held.append(step_started("b"), timers={"retry:b": NOW + 9}, clock=ClockOffset("boot", 0))
    assert await journal.next_timer() == NOW + 9 + moved
    early = NOW - 3_000_000
    await held.append(step_started("c"), timers={"retry:c": early}, clock=ClockOffset("next boot", 0))
    assert await journal.next_timer() == early


async def test_a_run_that_waits_for_a_time_says_until_when_also_after_the_clock_was_set(
    journal: Journal,
) -> None:
    hour = 3_600_000_000
    held = await hold(journal)
    await journal.fire_timers(NOW, ClockOffset("boot", 0))
    nap = RunHead(RunStatus.RUNNING, "nap", WaitingFor(kind=WaitKind.MOMENT))
    await held.append(step_started("nap", "wait"), head=nap, timers={"wait:nap": NOW + hour}, release=True)
    assert (await held.row())["waiting_for_id"] == rfc3339(from_micros(NOW + hour))
    await journal.fire_timers(NOW, ClockOffset("boot", 2 * hour))
    assert (await held.row())["waiting_for_id"] == rfc3339(from_micros(NOW + 3 * hour))


async def test_a_paused_run_says_no_time_though_a_step_of_it_waits_for_one(journal: Journal) -> None:
    held = await hold(journal)
    await journal.fire_timers(NOW, ClockOffset("boot", 0))
    paused = RunHead(RunStatus.PAUSED, "nap", WaitingFor(kind=WaitKind.RESUME))
    await held.append(step_started("nap", "wait"), head=paused, timers={"wait:nap": LATER}, release=True)
    await journal.fire_timers(NOW, ClockOffset("boot", 7_000_000))
    assert (await held.row())["waiting_for_id"] is None


@pytest.mark.parametrize("opened", ["approval", "form"])
async def test_a_request_that_was_planned_before_the_clock_was_set_is_open_as_long_as_its_timer_says(
    journal: Journal, opened: str
) -> None:
    hour = 3_600_000_000
    form = partial(event, UserInputRequested.kind, "ask", form_id="form", body={"title": "Who?"})
    limited = {
        "approval": approval_opened("appr_0001", expires_at=NOW + hour),
        "form": form(request_id="appr_0001", expires_at=NOW + hour),
    }
    held = await hold(journal)
    await journal.heartbeat("w1", "host", 1, NOW, LATER, clock=ClockOffset("boot", 0))
    await journal.heartbeat("w1", "host", 1, NOW, LATER, clock=ClockOffset("boot", 2 * hour))
    await held.append(
        step_started("ask", "human_approval"),
        limited[opened],
        approval_opened("appr_0002", "other"),
        status=RunStatus.PENDING_HUMAN,
        timers={"timeout:ask": NOW + hour},
        clock=ClockOffset("boot", 0),
    )
    request, other = await journal.request_row("appr_0001"), await journal.request_row("appr_0002")
    assert request is not None
    assert request["expires_at"] == await journal.next_timer() == NOW + 3 * hour
    assert other is not None
    assert other["expires_at"] is None


async def test_whoever_looks_at_a_request_does_so_no_longer_because_the_clock_was_set_back(
    journal: Journal,
) -> None:
    hour = 3_600_000_000
    held = await hold(journal)
    await held.append(
        step_started("ask", "human_approval"), approval_opened("appr_0001"), status=RunStatus.PENDING_HUMAN
    )
    await journal.heartbeat("w1", "host", 1, NOW, LATER, clock=ClockOffset("boot", 2 * hour))
    now = NOW + 2 * hour
    await journal.claim_request("appr_0001", RequestKind.APPROVAL, "ann", now, now + 5)
    await journal.heartbeat("w1", "host", 1, NOW, LATER, clock=ClockOffset("boot", 0))
    with pytest.raises(Refused, match="ann is looking at"):
        await journal.claim_request("appr_0001", RequestKind.APPROVAL, "bob", NOW + 4, NOW + 9)
    await journal.claim_request("appr_0001", RequestKind.APPROVAL, "bob", NOW + 5, NOW + 9)


async def test_a_timer_that_was_planned_before_the_clock_was_set_is_due_with_the_others(
    journal: Journal,
) -> None:
    hour = 3_600_000_000
    held = await hold(journal)
    await journal.heartbeat("w1", "host", 1, NOW, LATER, clock=ClockOffset("boot", 2 * hour))
    await journal.heartbeat("w1", "host", 1, NOW, LATER, clock=ClockOffset("boot", 0))
    planned = {"retry:a": NOW + 2 * hour + 5, "until:a": NOW + 2 * hour + 9, "gone": None}
    await held.append(step_started("a"), timers=planned, clock=ClockOffset("boot", 2 * hour))
    assert await journal.fire_timers(NOW + 5, ClockOffset("boot", 0)) == 1
    assert await journal.next_timer() == NOW + 2 * hour + 9
    await held.append(step_started("b"), timers={"retry:b": NOW + 7}, clock=ClockOffset("boot", 400_000))
    assert await journal.next_timer() == NOW + 7


async def test_many_due_timers_fire_in_portions_the_oldest_first(journal: Journal) -> None:
    held = await hold(journal)
    timers = {f"t{number:03}": LATER - number for number in range(TIMERS_AT_ONCE + 10)}
    await held.append(step_started("a"), timers=timers)
    assert await journal.fire_timers(LATER) == TIMERS_AT_ONCE
    assert await journal.next_timer() == LATER - 9
    assert await journal.fire_timers(LATER) == 10
    fired = [
        given.timer for _, _, given in await journal.mail_for("worker-1") if isinstance(given, TimerFired)
    ]
    assert fired == sorted(timers, reverse=True)
