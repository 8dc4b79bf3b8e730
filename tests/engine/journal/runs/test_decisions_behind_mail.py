"""What lies in the mailbox of a run has happened, though no worker has seen to it: decisions go by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import CancelMode, RunStatus
from engine.errors import ErrorCode, Refused
from engine.journal.errors import DecidedBefore
from engine.machine.model.inputs import Cancel, ChildEnded, Pause, RequestDecided
from tests.engine.journal.run_script import (
    LATER,
    NOW,
    a_run,
    approval_opened,
    approve,
    assert_counters_agree,
    hold,
    step_started,
    take,
)

if TYPE_CHECKING:
    from engine.journal.port import Journal

WAITS = RunStatus.PENDING_HUMAN
ASKS = step_started("both/0/ask", "human_approval"), approval_opened("appr_0001", "both/0/ask")


@pytest.mark.parametrize(
    ("timer", "step"), [("max_duration", None), ("timeout:both", "both"), ("timeout:both/0", "both/0")]
)
async def test_a_time_that_is_over_stays_so_when_its_timer_has_become_mail(
    journal: Journal, timer: str, step: str | None
) -> None:
    held = await hold(journal)
    await held.append(*ASKS, status=WAITS, timers={timer: LATER}, release=True, ready=False)
    assert await journal.fire_timers(LATER + 1) == 1
    with pytest.raises(Refused, match="nothing was decided") as caught:
        await journal.decide(approve("appr_0001", now=LATER + 2))
    assert (caught.value.code, caught.value.details["step_id"]) == (ErrorCode.REQUEST_EXPIRED, step)
    await assert_counters_agree(journal)


async def test_the_timer_of_something_else_stops_no_decision(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(*ASKS, status=WAITS, timers={"timeout:both/1": LATER}, release=True, ready=False)
    assert await journal.fire_timers(LATER) == 1
    await journal.steer("run_0001", Pause(now=LATER, actor="ann"))
    assert (await journal.decide(approve("appr_0001", now=LATER))).run_id == "run_0001"


@pytest.mark.parametrize(
    ("mode", "late"), [(CancelMode.BOUNDARY, False), (CancelMode.NOW, False), (CancelMode.NOW, True)]
)
@pytest.mark.parametrize("cancelled", ["run_0001", "run_0002"], ids=["itself", "above"])
async def test_nothing_is_decided_in_a_run_that_was_told_to_end(
    journal: Journal, mode: CancelMode, late: bool, cancelled: str
) -> None:
    await hold(journal, 2)
    await journal.create_run(a_run(1, parent_run_id="run_0002", parent_path="sub", depth=1))
    held = await take(journal, "run_0001")
    await held.append(*ASKS, status=WAITS, release=True, ready=False)
    await journal.steer(cancelled, Cancel(now=NOW, actor="ann", mode=mode, late=late))
    with pytest.raises(Refused, match="was cancelled") as caught:
        await journal.decide(approve("appr_0001"))
    code = ErrorCode.REQUEST_EXPIRED if late else ErrorCode.REQUEST_WITHDRAWN
    assert (caught.value.code, caught.value.details["run_id"]) == (code, cancelled)
    request = await journal.request_row("appr_0001")
    assert request is not None
    assert request["status"] == "PENDING"


@pytest.mark.parametrize("above", [False, True], ids=["in its run", "above"])
async def test_what_others_decided_before_is_weighed_before_anything_is_written(
    journal: Journal, *, above: bool
) -> None:
    over = await hold(journal, 2)
    await journal.create_run(a_run(1, parent_run_id="run_0002", parent_path="both/1/sub", depth=1))
    other = step_started("both/1/ask", "human_approval"), approval_opened("appr_0002", "both/1/ask")
    held = await take(journal, "run_0001")
    await held.append(*ASKS, *(() if above else other), status=WAITS, release=True, ready=False)
    if above:
        await over.append(*other, status=WAITS, release=True, ready=False)
    await journal.decide(approve("appr_0002"))
    with pytest.raises(DecidedBefore) as caught:
        await journal.decide(approve("appr_0001"))
    (waiting,) = caught.value.waiting
    assert waiting.run_id == ("run_0002" if above else "run_0001")
    assert caught.value.around == {"run_0001": "both/0/ask", "run_0002": "both/1/sub"}
    ((number, given),) = waiting.given
    assert isinstance(given, RequestDecided)
    assert given.request_id == "appr_0002"
    request = await journal.request_row("appr_0001")
    assert request is not None
    assert request["status"] == "PENDING"
    decided = await journal.decide(approve("appr_0001", weighed=frozenset({number})))
    assert decided.run_id == "run_0001"
    await assert_counters_agree(journal)


@pytest.mark.parametrize("above", [True, False], ids=["in the run above", "in another run below"])
async def test_what_waits_in_a_run_below_is_weighed_too(journal: Journal, *, above: bool) -> None:
    over = await hold(journal, 3)
    for number, path in ((1, "both/0/sub"), (2, "both/1/sub")):
        await journal.create_run(a_run(number, parent_run_id="run_0003", parent_path=path, depth=1))
    asks = step_started("ask", "human_approval"), approval_opened("appr_0002", "ask")
    await (await take(journal, "run_0002")).append(*asks, status=WAITS, release=True, ready=False)
    asker = over if above else await take(journal, "run_0001")
    await asker.append(*ASKS, status=WAITS, release=True, ready=False)
    await journal.decide(approve("appr_0002"))
    with pytest.raises(DecidedBefore) as caught:
        await journal.decide(approve("appr_0001"))
    (waiting,) = caught.value.waiting
    assert waiting.run_id == "run_0002"
    assert "run_0002" not in caught.value.around
    weighed = frozenset(number for number, _ in waiting.given)
    await journal.decide(approve("appr_0001", weighed=weighed))
    await assert_counters_agree(journal)


async def test_the_end_of_a_run_below_is_weighed_before_anything_is_written(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(*ASKS, status=WAITS, release=True, ready=False)
    await journal.create_run(a_run(2, parent_run_id="run_0001", parent_path="both/1/sub", depth=1))
    child = await take(journal, "run_0002")
    end = ChildEnded(now=NOW, path="both/1/sub", child_run_id="run_0002", status="COMPLETED")
    await child.append(mail=[("run_0001", end)])
    with pytest.raises(DecidedBefore) as caught:
        await journal.decide(approve("appr_0001"))
    ((_, given),) = caught.value.waiting[0].given
    assert given == end
