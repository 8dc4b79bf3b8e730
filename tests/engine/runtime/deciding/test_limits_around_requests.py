"""The time of what holds a request is kept by the decision, as its own is, though no worker runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RequestStatus, RunStatus
from engine.errors import ErrorCode, Refused
from tests.engine.runtime.embedded_home import ANN, BOB, Home, approval, form, start, tool, until
from tests.engine.runtime.fake_clock import FakeClock

if TYPE_CHECKING:
    from engine.facade.engine import Engine

ACTS = [approval(), tool("act")]
IN_A_STEP: dict[str, Any] = {"steps": [{"id": "both", "type": "parallel", "timeout": 60, "branches": [ACTS]}]}
IN_A_LOOP: dict[str, Any] = {
    "steps": [{"id": "each", "type": "for_each", "timeout": 60, "items": [1], "steps": ACTS}]
}
IN_THE_RUN: dict[str, Any] = {"steps": ACTS, "max_duration": 60}
BELOW: dict[str, Any] = {"steps": [{"id": "sub", "type": "subflow", "subflow": "below", "timeout": 60}]}


async def waits(engine: Engine) -> str:
    """The approval, once it is asked."""

    async def there() -> bool:
        return bool((await engine.requests.approvals()).items)

    await until(there)
    (shown,) = (await engine.requests.approvals()).items
    return shown.approval_id


SHOWN = [
    (IN_A_STEP, "the step both"),
    (IN_A_LOOP, "the step each"),
    (IN_THE_RUN, "the run"),
    (BELOW, "the step sub of {root}"),
    (
        {"steps": [{"id": "sub", "type": "subflow", "subflow": "below"}], "max_duration": 60},
        "the run {root} above",
    ),
    ({**IN_A_STEP, "max_duration": 30}, "the run"),
    ({"steps": [approval(timeout=20), tool("act")], "max_duration": 60}, None),
]


@pytest.mark.parametrize(("flow", "ends"), SHOWN)
async def test_a_card_tells_from_when_a_decision_is_refused_and_for_whose_time(
    home: Home, flow: dict[str, Any], ends: str | None
) -> None:
    steps = flow["steps"]
    home.flow("asks", *steps, **{name: given for name, given in flow.items() if name != "steps"})
    home.flow("below", *ACTS)
    async with home.working() as engine:
        root = await start(engine, "asks")
        approval_id = await waits(engine)
        shown = await engine.requests.approval(approval_id)
        assert shown.expires_with == (ends.format(root=root) if ends else None)
        assert (await engine.requests.approvals()).items == (shown,)
        assert (await engine.runs.get(shown.run_id)).approvals == (shown,)
    assert shown.expires_at is not None
    assert shown.status is RequestStatus.PENDING
    async with home.open(clock=FakeClock(61)) as engine:
        (listed,) = (await engine.requests.approvals()).items
        assert listed.status is RequestStatus.EXPIRED
        with pytest.raises(Refused) as caught:
            await engine.requests.approve(approval_id, actor=BOB)
        assert caught.value.code is ErrorCode.REQUEST_EXPIRED
        assert (ends is None) or ends.format(root=root) in caught.value.message


@pytest.mark.parametrize("flow", [IN_A_STEP, IN_A_LOOP, IN_THE_RUN, BELOW])
async def test_an_approval_is_not_given_after_the_time_of_what_holds_it(
    home: Home, flow: dict[str, Any]
) -> None:
    steps = flow["steps"]
    home.flow("asks", *steps, **{name: given for name, given in flow.items() if name != "steps"})
    home.flow("below", *ACTS)
    async with home.working() as engine:
        run_id = await start(engine, "asks")
        approval_id = await waits(engine)
    async with home.open(clock=FakeClock(61)) as engine:
        for decided in (
            engine.requests.approve(approval_id, actor=BOB),
            engine.requests.reject(approval_id, actor=BOB, comment="late"),
        ):
            with pytest.raises(Refused, match="nothing was decided") as caught:
                await decided
            assert caught.value.code is ErrorCode.REQUEST_EXPIRED
    async with home.working(clock=FakeClock(62)) as engine:

        async def over() -> bool:
            ended = (await engine.runs.summary(run_id)).status is RunStatus.FAILED
            return ended and not (await engine.requests.approvals()).items

        await until(over)
        shown = await engine.requests.approval(approval_id)
        assert (shown.status, shown.decided_by) == (RequestStatus.EXPIRED, None)
    assert home.tools.given("act") == []


async def test_until_then_it_is_given_and_the_clock_may_be_set(home: Home) -> None:
    home.flow("asks", *IN_A_STEP["steps"])
    clock = FakeClock()
    async with home.working(clock=clock) as engine:
        run_id = await start(engine, "asks")
        approval_id = await waits(engine)
    clock.set_by(3_600)
    async with home.open(clock=clock) as engine:
        await engine.requests.approve(approval_id, actor=BOB)
    async with home.working(clock=clock) as engine:

        async def done() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.COMPLETED

        await until(done)


async def test_a_form_is_not_answered_after_the_time_of_its_run(home: Home) -> None:
    home.flow("asks", form(), max_duration=60)
    async with home.working() as engine:
        await start(engine, "asks")

        async def there() -> bool:
            return bool((await engine.requests.forms()).items)

        await until(there)
        (shown,) = (await engine.requests.forms()).items
    async with home.open(clock=FakeClock(61)) as engine:
        with pytest.raises(Refused, match="the time of the run, which asks this, was over"):
            await engine.requests.answer(shown.request_id, {"word": "late"}, actor=ANN)
