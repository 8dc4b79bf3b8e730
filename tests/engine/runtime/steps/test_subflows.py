from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.listed import RunFilter, WaitingFor
from engine.contracts.status import CancelMode, RunStatus, WaitKind
from engine.errors import InvalidTransition, PackInvalid, Refused
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    Step,
    approval,
    error_of,
    failed,
    finished,
    form,
    kinds,
    pending_approval,
    rest,
    start,
    statuses,
    tool,
    until,
)

if TYPE_CHECKING:
    from engine.contracts.runs.listed import RunSummary
    from engine.facade.engine import Engine


def subflow(step_id: str, target: str, **fields: object) -> Step:
    return {"id": step_id, "type": "subflow", "subflow": target, **fields}


async def only_child(engine: Engine, run_id: str) -> RunSummary:
    """The child of a run, when there is one."""

    async def born() -> bool:
        return any(run.parent_run_id == run_id for run in (await engine.runs.list()).items)

    await until(born)
    (child,) = [run for run in (await engine.runs.list()).items if run.parent_run_id == run_id]
    return child


@pytest.mark.parametrize("pack", ["demo", "other"])
async def test_a_childs_output_is_its_parents(home: Home, pack: str) -> None:
    name = "child" if pack == "demo" else "other/child"
    home.flow("top", subflow("sub", name, params={"n": "{{ payload.n }}"}))
    home.flow("child", tool("a", params={"n": "{{ payload.n + 1 }}"}), pack=pack)
    async with home.working() as engine:
        run = await finished(engine, "top", {"n": 1})
        assert run.output == {"n": 2}
        child = await only_child(engine, run.run_id)
        assert (child.pack, child.flow, child.status) == (pack, "child", RunStatus.COMPLETED)
        assert child.requested_by == "ann"
        (step,) = (await engine.runs.steps(run.run_id)).items
        assert step.child_run_id == child.run_id


async def test_a_child_of_a_child(home: Home) -> None:
    home.flow("top", subflow("sub", "middle"))
    home.flow("middle", subflow("sub", "bottom", params={"x": 1}))
    home.flow("bottom", tool("a", params={"x": "{{ payload.x }}"}))
    async with home.working() as engine:
        assert (await finished(engine, "top")).output == {"x": 1}
        assert len((await engine.runs.list(RunFilter(status=(RunStatus.COMPLETED,)))).items) == 3


async def test_a_child_that_fails_fails_its_step(home: Home) -> None:
    home.flow("top", subflow("sub", "child"))
    home.flow("child", tool("a", "fake.fail", params={"message": "no paper"}))
    async with home.working() as engine:
        run = await failed(engine, "top")
        code, message = await error_of(engine, run.run_id)
        assert code == "child_failed"
        assert "no paper" in message


async def test_a_failed_child_is_started_anew_by_its_steps_retry(home: Home) -> None:
    home.flow("top", subflow("sub", "child", retry={"max_attempts": 3, "backoff_seconds": 0.01}))
    home.flow("child", tool("a", "fake.fail"))
    async with home.working() as engine:
        run = await failed(engine, "top")
        children = [item for item in (await engine.runs.list()).items if item.parent_run_id == run.run_id]
        assert [child.status for child in children] == [RunStatus.FAILED] * 3


async def test_a_failed_child_is_not_retried_beside_the_one_that_takes_its_place(home: Home) -> None:
    home.flow("top", subflow("sub", "child", retry={"max_attempts": 2, "backoff_seconds": 0.2}))
    home.flow("child", tool("a", "fake.slow", timeout=0.05), approval("ok"))
    async with home.working() as engine:
        run_id = await start(engine, "top")
        child = await only_child(engine, run_id)
        await rest(engine, child.run_id, expect=RunStatus.FAILED)
        home.tools.release()

        async def refused() -> None:
            with pytest.raises(InvalidTransition, match=r"cannot be retried: run .*, which started it"):
                await engine.runs.retry(child.run_id, actor=BOB)

        async def another_asks() -> bool:
            return bool((await engine.requests.approvals()).items)

        await refused()  # whether or not the run above has heard of its end
        await until(another_asks)
        await refused()


@pytest.mark.parametrize("mode", list(CancelMode))
async def test_a_cancel_passes_down(home: Home, mode: CancelMode) -> None:
    home.flow("top", subflow("sub", "child"))
    home.flow("child", form("word"))
    async with home.working() as engine:
        run_id = await start(engine, "top")
        child = await only_child(engine, run_id)
        await rest(engine, child.run_id, expect=RunStatus.PENDING_USER_INPUT)
        await engine.runs.cancel(run_id, actor=ANN, mode=mode)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        await rest(engine, child.run_id, expect=RunStatus.CANCELLED)
        assert (await engine.runs.counts()).forms_pending == 0


async def test_a_cancel_after_the_step_lets_the_call_of_a_child_end(home: Home) -> None:
    home.flow("top", subflow("sub", "child"))
    home.flow("child", tool("a", "fake.slow"), tool("b"))
    async with home.working() as engine:
        run_id = await start(engine, "top")
        child = await only_child(engine, run_id)

        async def at_work() -> bool:
            return home.tools.under_way == 1

        async def told() -> bool:
            return "run_cancel_requested" in await kinds(engine, child.run_id)

        await until(at_work)
        await engine.runs.cancel(run_id, actor=ANN)

        await until(told)
        assert (await engine.runs.summary(run_id)).status is RunStatus.RUNNING
        home.tools.release()
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        await rest(engine, child.run_id, expect=RunStatus.CANCELLED)
        assert await statuses(engine, child.run_id) == {"a": "COMPLETED"}


@pytest.mark.parametrize("mode", list(CancelMode))
async def test_what_runs_below_asked_cannot_be_decided_once_it_was_cancelled_though_nobody_works(
    home: Home, mode: CancelMode
) -> None:
    home.flow("top", {"id": "all", "type": "for_each", "items": [1, 2], "steps": [subflow("sub", "middle")]})
    home.flow("middle", subflow("sub", "bottom"))
    home.flow("bottom", approval(), tool("a"))

    async def asked(engine: Engine) -> list[str]:
        return [one.approval_id for one in (await engine.requests.approvals()).items]

    async with home.working() as engine:
        run_id = await start(engine, "top")

        async def both() -> bool:
            return len(await asked(engine)) == 2

        await until(both)
        waiting = await asked(engine)
    async with home.open() as engine:
        told = await engine.runs.cancel(run_id, actor=ANN, mode=mode)
        assert told.status is RunStatus.CANCELLED
        assert await asked(engine) == []
        for approval_id in waiting:
            with pytest.raises(Refused, match="withdrawn"):
                await engine.requests.approve(approval_id, actor=BOB)


async def test_a_pause_and_a_resume_pass_down(home: Home) -> None:
    home.flow("top", subflow("sub", "child"))
    home.flow("child", approval("ok"), tool("a", params={"x": 1}))
    async with home.working() as engine:
        run_id = await start(engine, "top")
        child = await only_child(engine, run_id)
        asked = await pending_approval(engine, child.run_id)
        await engine.runs.pause(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.PAUSED)

        async def child_paused() -> bool:
            return (await engine.runs.summary(child.run_id)).status is RunStatus.PAUSED

        await until(child_paused)
        await engine.requests.approve(asked.approval_id, actor=BOB)
        await engine.runs.resume(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert home.tools.given("a") == [{"x": 1}]


async def test_waiting_for_a_parent_ends_when_its_child_waits_for_a_person(home: Home) -> None:
    home.flow("top", subflow("sub", "child"))
    home.flow("child", approval("ok"), tool("a", params={"x": 1}))
    async with home.working() as engine:
        run_id = await start(engine, "top")
        run = await rest(engine, run_id, expect=RunStatus.RUNNING)
        child = await only_child(engine, run_id)
        assert child.status is RunStatus.PENDING_HUMAN
        assert run.waiting_for == WaitingFor(kind=WaitKind.CHILD, id=child.run_id)
        asked = await pending_approval(engine, child.run_id)
        await engine.requests.approve(asked.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_child_that_takes_too_long_is_cancelled(home: Home) -> None:
    home.flow(
        "top", subflow("sub", "child", timeout=0.05, on_failure="continue"), tool("end", params={"x": 1})
    )
    home.flow("child", tool("a", "fake.slow"))
    async with home.working() as engine:
        run_id = await start(engine, "top")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        child = await only_child(engine, run_id)
        await rest(engine, child.run_id, expect=RunStatus.CANCELLED)
        assert (await statuses(engine, run_id))["sub"] == "FAILED"
    assert home.tools.under_way == 0


async def test_a_payload_the_child_does_not_take_fails_the_step(home: Home) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    home.flow("top", subflow("sub", "child", params={"n": "{{ payload.n }}"}))
    home.flow("child", tool("a"), input=schema)
    async with home.working() as engine:
        run = await failed(engine, "top", {"n": "many"})
        code, message = await error_of(engine, run.run_id)
        assert code == "invalid_input"
        assert "child" in message
        assert len((await engine.runs.list()).items) == 1


async def test_an_approval_stands_in_the_child_where_it_can_show_what_it_gates(home: Home) -> None:
    home.flow("top", approval("ok"), subflow("sub", "child", params={"n": "{{ payload.n }}"}))
    home.flow("child", approval("ok"), tool("a", params={"n": "{{ payload.n }}"}))
    async with home.working() as engine:
        with pytest.raises(PackInvalid, match="put it inside"):
            await start(engine, "top", {"n": 7})
    home.flow("top", subflow("sub", "child", params={"n": "{{ payload.n }}"}))
    async with home.working() as engine:
        run_id = await start(engine, "top", {"n": 7})
        asked = await pending_approval(engine, (await only_child(engine, run_id)).run_id)
        assert asked.action is not None
        assert (asked.action.kind, asked.action.target) == ("tool", "fake.echo")
        assert asked.action.params == {"n": 7}
        await engine.requests.approve(asked.approval_id, actor=BOB)
        assert (await rest(engine, run_id, expect=RunStatus.COMPLETED)).output == {"n": 7}


async def test_a_childs_pinned_pack_is_worked_by_another_engine(home: Home) -> None:
    home.flow("top", subflow("sub", "other/child"))
    home.flow("child", approval("ok"), tool("a", params={"version": 1}), pack="other")
    async with home.working() as engine:
        run_id = await start(engine, "top")
        child = await only_child(engine, run_id)
        asked = await pending_approval(engine, child.run_id)
    home.flow("child", tool("a", params={"version": 2}), pack="other")
    async with home.working() as engine:
        await engine.requests.approve(asked.approval_id, actor=BOB)
        assert (await rest(engine, run_id, expect=RunStatus.COMPLETED)).output == {"version": 1}


@pytest.mark.parametrize("name", ["child", "demo/child"])
async def test_a_child_of_the_same_pack_is_held_to_the_content_that_its_parent_pinned(
    home: Home, name: str
) -> None:
    home.flow("top", approval("ok", gates="none"), subflow("sub", name, params={"word": "hello"}))
    home.flow("child", tool("a", params={"said": "{{ payload.word }}"}))
    async with home.working() as engine:
        run_id = await start(engine, "top")
        asked = await pending_approval(engine, run_id)
    manifest = home.root / "shipped" / "demo" / "profession-pack.yaml"
    manifest.write_text(manifest.read_text() + "guardrails: {input: {max_length: 1}}\n")
    async with home.working() as engine:
        await engine.requests.approve(asked.approval_id, actor=BOB)
        assert (await rest(engine, run_id, expect=RunStatus.COMPLETED)).output == {"said": "hello"}
