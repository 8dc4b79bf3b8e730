"""A decision on what another decision has ended is refused, though no worker has gone on with the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RequestStatus, RunStatus
from engine.errors import ErrorCode, Refused
from tests.engine.runtime.agents_at_work import agent, call, says
from tests.engine.runtime.embedded_home import ANN, BOB, Home, approval, form, rest, start, tool, until

if TYPE_CHECKING:
    from engine.contracts.runs.request import ApprovalView, FormView
    from engine.facade.engine import Engine

ACTS = [approval(), tool("act")]
SAYS = [form(on_success="done")]
BELOW: dict[str, Any] = {"id": "sub", "type": "subflow", "subflow": "below"}


def beside(*branches: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return {"id": "both", "type": "parallel", "branches": list(branches), **fields}


async def asked(engine: Engine, count: int) -> list[ApprovalView]:
    """The approvals, once so many are asked."""

    async def there() -> bool:
        return len((await engine.requests.approvals()).items) == count

    await until(there)
    return list((await engine.requests.approvals()).items)


async def forms_of(engine: Engine, count: int) -> list[FormView]:
    """The forms, once so many are asked."""

    async def there() -> bool:
        return len((await engine.requests.forms()).items) == count

    await until(there)
    return list((await engine.requests.forms()).items)


async def refuses_the_second(engine: Engine, decided: str, other: ApprovalView) -> None:
    with pytest.raises(Refused, match=r"waits no more, nothing was decided") as caught:
        await engine.requests.approve(other.approval_id, actor=BOB)
    assert caught.value.code is ErrorCode.REQUEST_WITHDRAWN
    assert caught.value.details["approval_id"] == other.approval_id
    assert (await engine.requests.approval(decided)).status is not RequestStatus.PENDING
    assert (await engine.requests.approval(other.approval_id)).status is RequestStatus.PENDING


async def test_a_call_beside_one_whose_rejection_ends_their_agent_takes_no_decision(home: Home) -> None:
    step = agent(says("", call(a=1), call(a=2)), says("Done."), on_rejection="fail")
    home.flow("ask", step, autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        first, second = await asked(engine, 2)
    async with home.open() as engine:
        await engine.requests.reject(first.approval_id, actor=ANN, comment="never")
        await refuses_the_second(engine, first.approval_id, second)
    async with home.working() as engine:
        await rest(engine, run_id, expect=RunStatus.FAILED)
        withdrawn = await engine.requests.approval(second.approval_id)
        assert withdrawn.status is RequestStatus.WITHDRAWN
    assert home.tools.calls == []


async def test_a_call_beside_one_whose_rejection_its_model_hears_of_takes_its_decision(home: Home) -> None:
    home.flow("ask", agent(says("", call(a=1), call(a=2)), says("Done.")), autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        first, second = await asked(engine, 2)
    async with home.open() as engine:
        await engine.requests.reject(first.approval_id, actor=ANN, comment="never")
        await engine.requests.approve(second.approval_id, actor=BOB)
    async with home.working() as engine:
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert [params["a"] for _, params in home.tools.calls] == [2]


@pytest.mark.parametrize("inner", [ACTS, [BELOW]], ids=["in its run", "in a run below"])
async def test_a_branch_beside_one_whose_rejection_ends_the_step_takes_no_decision(
    home: Home, inner: list[dict[str, Any]]
) -> None:
    home.flow("below", *ACTS)
    home.flow("asks", beside(ACTS, inner))
    async with home.working() as engine:
        run_id = await start(engine, "asks")
        first, second = sorted(await asked(engine, 2), key=lambda one: one.run_id != run_id)
    async with home.open() as engine:
        await engine.requests.reject(first.approval_id, actor=ANN, comment="never")
        await refuses_the_second(engine, first.approval_id, second)


async def test_a_branch_beside_one_whose_end_suffices_takes_no_decision(home: Home) -> None:
    home.flow("asks", beside(SAYS, ACTS, join="any"))
    async with home.working() as engine:
        await start(engine, "asks")
        (second,) = await asked(engine, 1)
    async with home.open() as engine:
        (first,) = (await engine.requests.forms()).items
        await engine.requests.answer(first.request_id, {"word": "yes"}, actor=ANN)
        with pytest.raises(Refused, match="waits no more"):
            await engine.requests.reject(second.approval_id, actor=BOB, comment="no")


async def test_branches_that_all_count_take_their_decisions_without_a_worker(home: Home) -> None:
    home.flow("asks", beside(ACTS, ACTS, ACTS))
    async with home.working() as engine:
        run_id = await start(engine, "asks")
        cards = await asked(engine, 3)
    async with home.open() as engine:
        for card in cards:
            await engine.requests.approve(card.approval_id, actor=ANN)
    async with home.working() as engine:
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert len(home.tools.calls) == 3


INNER: dict[str, Any] = {"id": "inner", "type": "parallel", "branches": [SAYS, SAYS], "join": "any"}


@pytest.mark.parametrize("first", [[INNER], [BELOW]], ids=["a step put together", "a run below"])
async def test_a_branch_beside_one_whose_end_is_put_together_takes_no_decision(
    home: Home, first: list[dict[str, Any]]
) -> None:
    home.flow("below", *SAYS)
    home.flow("asks", beside(first, ACTS, join="any"))
    async with home.working() as engine:
        run_id = await start(engine, "asks")
        (second,) = await asked(engine, 1)
        said = await forms_of(engine, 2 if first == [INNER] else 1)
    async with home.open() as engine:
        await engine.requests.answer(said[0].request_id, {"word": "yes"}, actor=ANN)
        with pytest.raises(Refused, match="waits no more") as caught:
            await engine.requests.approve(second.approval_id, actor=BOB)
        assert caught.value.code is ErrorCode.REQUEST_WITHDRAWN
    async with home.working() as engine:
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert (await engine.requests.approval(second.approval_id)).status is RequestStatus.WITHDRAWN
    assert home.tools.calls == []


@pytest.mark.parametrize("beside_it", [ACTS, [BELOW]], ids=["in the run above", "in another run below"])
async def test_a_branch_beside_a_run_below_whose_rejection_ends_the_step_takes_no_decision(
    home: Home, beside_it: list[dict[str, Any]]
) -> None:
    home.flow("below", *ACTS)
    home.flow("asks", beside([BELOW], beside_it))
    async with home.working() as engine:
        run_id = await start(engine, "asks")
        first, second = sorted(await asked(engine, 2), key=lambda one: one.run_id == run_id)
    async with home.open() as engine:
        await engine.requests.reject(first.approval_id, actor=ANN, comment="never")
        await refuses_the_second(engine, first.approval_id, second)


async def test_runs_below_that_all_count_take_their_decisions_without_a_worker(home: Home) -> None:
    home.flow("below", *ACTS)
    home.flow("asks", beside([BELOW], [BELOW], ACTS))
    async with home.working() as engine:
        run_id = await start(engine, "asks")
        cards = await asked(engine, 3)
    async with home.open() as engine:
        for card in cards:
            await engine.requests.approve(card.approval_id, actor=ANN)
    async with home.working() as engine:
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert len(home.tools.calls) == 3


@pytest.mark.parametrize("worked", [False, True], ids=["not worked in", "worked in"])
async def test_a_branch_beside_one_whose_end_suffices_takes_no_decision_in_a_paused_run_either(
    home: Home, *, worked: bool
) -> None:
    home.flow("asks", beside(SAYS, ACTS, join="any"))
    async with home.working() as engine:
        run_id = await start(engine, "asks")
        (second,) = await asked(engine, 1)
        (first,) = await forms_of(engine, 1)
        await engine.runs.pause(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.PAUSED)
    async with home.open() as engine:
        await engine.requests.answer(first.request_id, {"word": "yes"}, actor=ANN)
        if worked:
            async with engine.work():

                async def withdrawn() -> bool:
                    found = await engine.requests.approval(second.approval_id)
                    return found.status is RequestStatus.WITHDRAWN

                await until(withdrawn)
        with pytest.raises(Refused) as caught:
            await engine.requests.approve(second.approval_id, actor=BOB)
        assert caught.value.code is ErrorCode.REQUEST_WITHDRAWN
        await engine.runs.resume(run_id, actor=ANN)
    async with home.working() as engine:
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert home.tools.calls == []
