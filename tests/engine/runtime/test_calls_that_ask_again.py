"""Calls of a model that a person is asked about a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.runs.run import StepView
from engine.contracts.status import RunStatus, StepStatus
from engine.runtime.embedded.diagnosing.agents import NewestTurns
from engine.tools.builtin.files.file_tools import file_tools
from tests.engine.runtime.agents_at_work import agent, call, says
from tests.engine.runtime.embedded_home import BOB, Home, pending_approval, rest, start, until
from tests.engine.runtime.test_bound_calls import layers

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.runs.request import ApprovalView
    from engine.facade.engine import Engine

CALL = "work/0/calls/0/call"


async def asked_again(engine: Engine, run_id: str) -> ApprovalView:
    """The approval that is open after the one that was decided."""

    async def is_open() -> bool:
        return bool((await engine.requests.approvals(run_id=run_id)).items)

    await until(is_open)
    return await pending_approval(engine, run_id)


async def test_a_call_that_is_asked_about_again_stands_in_the_conversation_as_it_is_now(
    home: Home, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "notes.txt").write_text("old\n")
    for known in file_tools():
        home.tools.registry.add(known)
    writes = call("files.write", root=str(place), path="notes.txt", text="new\n")
    home.flow(
        "ask", agent(says("", writes), says("Done."), tools=("files.write",)), autonomy_level="suggest_only"
    )
    scoped = {"filesystem": "scoped", "scoped_paths": ["{{ payload.dir }}"]}
    layers(home, {"id": "files.write", "name": "Write", "sandbox": scoped})
    async with home.working() as engine:
        run_id = await start(engine, "ask", {"dir": str(place)})
        shown = await pending_approval(engine, run_id)
        (place / "notes.txt").write_text("somebody was quicker\n")
        await engine.requests.approve(shown.approval_id, actor=BOB)
        again = await asked_again(engine, run_id)
        for calls in (True, False):
            (turn,) = (await engine.runs.conversation(run_id, "work", calls=calls)).turns
            assert turn.asks == again.step_id == f"{CALL}~2"
        (waiting,) = (await engine.runs.conversation(run_id, "work")).turns[0].calls
        assert (waiting.step_id, waiting.status) == (again.step_id, StepStatus.PENDING_HUMAN)
        (pending,) = (await engine.runs.snapshot(run_id)).agents[0].last_calls
        assert (pending.step_id, pending.status) == (again.step_id, StepStatus.PENDING_HUMAN)
        await engine.requests.approve(again.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (made,) = (await engine.runs.conversation(run_id, "work")).turns[0].calls
        assert (made.status, made.decided, made.error) == (StepStatus.COMPLETED, "APPROVED by bob", None)
        assert made.result["path"] == "notes.txt"
        (kept,) = (await engine.runs.snapshot(run_id)).agents[0].last_calls
        assert (kept.status, kept.code) == (StepStatus.COMPLETED, None)


def test_calls_of_a_plan_are_told_in_their_order_each_as_it_is_now() -> None:
    paths = [*(f"plan/0/steps/{number}/call" for number in range(12)), "plan/0/steps/3/call~2"]
    made = StepView(step_id="any", type="tool", name="call", status=StepStatus.COMPLETED, attempt=1)
    turns = NewestTurns(1, dict.fromkeys(reversed(paths), made))
    told = [path for path, _ in turns.planned("plan/0/steps/")]
    assert told == [*paths[:3], "plan/0/steps/3/call~2", *paths[4:12]]
