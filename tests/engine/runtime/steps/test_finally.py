"""Steps of `finally` in whole runs: what they know, and what readers see of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    Step,
    approval,
    finished,
    form,
    pending_approval,
    pending_form,
    rest,
    retry,
    start,
    statuses,
    tool,
    until,
)

if TYPE_CHECKING:
    from engine.journal.port import Journal

TELL = tool(
    "tell",
    params={
        "outcome": "{{ ending.outcome }}",
        "cause": "{{ ending.cause.code | default('none') }}",
        "at": "{{ ending.cause.step_id | default('nowhere') }}",
        "a": "{{ steps.a.status | default('NOT_STARTED') }}",
    },
)
WORKS = tool("a", params={"x": 1})
FAILS = tool("a", "fake.fail")


def flow(home: Home, *steps: Step, last: Step = TELL, **fields: Any) -> None:
    more: dict[str, Any] = {"finally": [last], **fields}
    home.flow("job", *steps, **more)


@pytest.mark.parametrize(
    ("steps", "outcome", "cause"),
    [((WORKS,), "completed", "none"), ((FAILS,), "failed", "backend_error")],
)
async def test_the_last_steps_know_how_the_run_ends_and_why(
    home: Home, steps: tuple[Step, ...], outcome: str, cause: str
) -> None:
    flow(home, *steps)
    async with home.working() as engine:
        run = await rest(engine, await start(engine, "job"))
        (told,) = home.tools.given("finally/0/tell")
        assert (told["outcome"], told["cause"]) == (outcome, cause)
        assert run.status is (RunStatus.FAILED if outcome == "failed" else RunStatus.COMPLETED)
        found = await statuses(engine, run.run_id)
        assert found["finally"] == found["finally/0/tell"] == "COMPLETED"
        document = home.document(run, "output/response.json")
        assert document["status"] == run.status.value


async def test_a_rejected_run_and_a_cancelled_one_tell_so(home: Home) -> None:
    flow(home, approval(gates="none"), WORKS)
    async with home.working() as engine:
        asked = await pending_approval(engine, rejected := await start(engine, "job"))
        await engine.requests.reject(asked.approval_id, comment="no", actor=ANN)
        await rest(engine, rejected, expect=RunStatus.FAILED)
        cancelled = await start(engine, "job")
        await pending_approval(engine, cancelled)
        await engine.runs.cancel(cancelled, actor=ANN)
        await rest(engine, cancelled, expect=RunStatus.CANCELLED)
        assert [told["outcome"] for told in home.tools.given("finally/0/tell")] == ["rejected", "cancelled"]


async def test_a_second_cancel_ends_a_run_that_is_at_its_last_steps(home: Home) -> None:
    flow(home, WORKS, last=form("last"))
    async with home.working() as engine:
        run_id = await start(engine, "job")
        await pending_form(engine, run_id)
        assert (await engine.runs.cancel(run_id, actor=ANN)).changed
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.output == {"x": 1}


async def test_the_last_steps_of_a_worker_that_was_stopped_go_on_in_another(home: Home) -> None:
    flow(home, FAILS, last=tool("last", "fake.slow", on_lost="rerun"))
    async with home.working() as engine:
        run_id = await start(engine, "job")
        await until(lambda: called(home))
    home.tools.release()
    async with home.working() as engine:
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert (await statuses(engine, run_id))["finally/0/last"] == "COMPLETED"


async def called(home: Home) -> bool:
    return bool(home.tools.given("finally/0/last"))


async def test_a_retried_run_runs_its_last_steps_again(home: Home) -> None:
    flow(home, tool("a", "fake.flaky", params={"fails": 1, "code": "not_found"}))
    async with home.working() as engine:
        run_id = await start(engine, "job")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        await retry(engine, run_id)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        found = await statuses(engine, run_id)
        assert found["finally"] == found["finally~2/0/tell"] == "COMPLETED"
        before = await engine.runs.as_of(run_id, 5)
        assert before.run.status is RunStatus.RUNNING


async def test_a_child_run_has_last_steps_of_its_own(home: Home) -> None:
    more: dict[str, Any] = {"finally": [TELL]}
    home.flow("child", WORKS, **more)
    home.flow("parent", {"id": "sub", "type": "subflow", "subflow": "child"})
    async with home.working() as engine:
        assert (await finished(engine, "parent")).output == {"x": 1}
        assert len(home.tools.given("finally/0/tell")) == 1


async def test_a_run_says_how_it_will_end_while_its_last_steps_run(home: Home, each_journal: Journal) -> None:
    flow(home, FAILS, last=tool("slow", "fake.slow"))
    async with home.open(journal=each_journal) as engine, engine.work():
        run_id = await start(engine, "job")

        async def ends() -> bool:
            return (await engine.runs.summary(run_id)).ending is not None

        await until(ends)
        view = await engine.runs.summary(run_id)
        assert (view.status, view.error) == (RunStatus.RUNNING, None)
        assert view.ending is not None
        assert view.ending.text.startswith("failed, backend_error at a: ")
        (listed,) = (await engine.runs.list()).items
        assert listed.ending == view.ending
        assert (await engine.runs.as_of(run_id, view.run_seq)).run.ending == view.ending
        home.tools.release()
        ended = await rest(engine, run_id, expect=RunStatus.FAILED)
        assert (ended.ending, ended.error) == (None, view.ending.error)


async def test_a_run_without_last_steps_is_never_about_to_end(home: Home) -> None:
    home.flow("job", tool("slow", "fake.slow"))
    async with home.working() as engine:
        run_id = await start(engine, "job")

        async def is_called() -> bool:
            return home.tools.under_way == 1

        await until(is_called)
        assert (await engine.runs.summary(run_id)).ending is None
        home.tools.release()
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
