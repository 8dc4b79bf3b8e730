"""Of one tool ten calls are made at once, whichever runs want them; the wait is a part of a call's time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.contracts.status import CancelMode, RunStatus, StepErrorCode
from engine.tools.context import ToolLimits
from tests.engine.runtime.embedded_home import ANN, Home, Step, kinds, rest, start, tool, until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from engine.contracts.runs.listed import RunView
    from engine.facade.engine import Engine

ONE_AT_ONCE = ToolLimits(calls_at_once=1)
SLOW = "fake.slow"


def slow_items(items: int) -> Step:
    return {
        "id": "all",
        "type": "for_each",
        "items": list(range(items)),
        "max_concurrent": 100,
        "steps": [tool("one", SLOW)],
    }


async def called(home: Home, calls: int) -> None:
    async def so_many() -> bool:
        return len(home.tools.calls) == calls

    await until(so_many)


async def begun(engine: Engine, run_id: str, calls: int) -> None:
    async def so_many() -> bool:
        return (await kinds(engine, run_id)).count("step_started") == calls

    await until(so_many)


async def over(engine: Engine, run_id: str) -> RunView:
    """The run when it has ended; its documents wait while another one is worked."""
    async with asyncio.timeout(PATIENCE):
        return await engine.runs.wait(run_id)


async def test_ten_calls_of_one_tool_are_made_at_once_and_all_of_them_in_the_end(home: Home) -> None:
    home.flow("many", slow_items(12))
    home.flow("other", tool("one", SLOW), tool("two"))
    async with home.working() as engine:
        many, other = await start(engine, "many"), await start(engine, "other")
        await called(home, 10)
        await begun(engine, many, 13)
        assert (len(home.tools.calls), home.tools.most_at_once) == (10, 10)
        home.tools.release()
        for run_id in (many, other):
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert (len(home.tools.calls), home.tools.most_at_once) == (14, 10)


async def test_a_call_waits_for_its_turn_until_its_deadline_and_is_then_tried_again(home: Home) -> None:
    home.flow("first", tool("hold", SLOW))
    retry = {"max_attempts": 2, "backoff_seconds": 0.01, "retry_on_codes": ["timeout"]}
    home.flow("late", tool("send", SLOW, timeout=0.05, retry=retry))
    async with home.working(limits=ONE_AT_ONCE) as engine:
        first = await start(engine, "first")
        await called(home, 1)
        late = await over(engine, await start(engine, "late"))
        assert late.error is not None
        assert late.error.code == StepErrorCode.TIMEOUT
        assert "tools.max_concurrent_per_tool" in late.error.message
        assert (await kinds(engine, late.run_id)).count("tool_call_attempt_failed") == 1
        assert home.tools.given("send") == []
        home.tools.release()
        await rest(engine, first, expect=RunStatus.COMPLETED)


async def test_a_call_that_waits_can_be_cancelled_and_costs_nobody_a_turn(home: Home) -> None:
    home.flow("slow", tool("one", SLOW, params={"key": "a"}))
    async with home.working(limits=ONE_AT_ONCE) as engine:
        first = await start(engine, "slow")
        await called(home, 1)
        waiting = await start(engine, "slow")
        await begun(engine, waiting, 1)
        assert (await engine.runs.cancel(waiting, actor=ANN, mode=CancelMode.NOW)).changed
        assert (await over(engine, waiting)).status is RunStatus.CANCELLED
        third = await start(engine, "slow")
        home.tools.release("a")
        for run_id in (first, third):
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert (len(home.tools.calls), home.tools.most_at_once) == (2, 1)


async def test_a_call_that_waited_for_its_turn_when_the_worker_left_has_not_begun(home: Home) -> None:
    home.flow("slow", tool("one", SLOW, on_lost="ask", params={"key": "a"}))
    async with home.open(limits=ONE_AT_ONCE) as engine:
        async with engine.work():
            await start(engine, "slow")
            await called(home, 1)
            waiting = await start(engine, "slow")
            await begun(engine, waiting, 1)
        assert (await kinds(engine, waiting))[-1] == "step_put_back"
        home.tools.release("a")
        async with engine.work():
            await rest(engine, waiting, expect=RunStatus.COMPLETED)
        assert "outcome_unknown" not in await kinds(engine, waiting)


async def test_calls_that_a_model_chose_take_turns_with_all_others(home: Home) -> None:
    wanted: dict[str, Any] = {"tool": SLOW, "arguments": {}}
    home.flow(
        "ask",
        {
            "id": "look",
            "type": "agent",
            "instructions": "Look.",
            "prompt": "Go on.",
            "tools": [SLOW],
            "script": [{"calls": [wanted, wanted]}, {"text": "Seen."}],
        },
    )
    async with home.working(limits=ONE_AT_ONCE) as engine:
        run_id = await start(engine, "ask")
        await called(home, 1)
        home.tools.release()
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert (len(home.tools.calls), home.tools.most_at_once) == (2, 1)
