"""What becomes of calls that are under way when they are cancelled."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from engine.contracts.flows.outside_agent import PermissionStep, PromptStep
from engine.contracts.status import StepStatus
from engine.machine.model.inputs import StepFinished
from engine.machine.model.state import Execution, RunState
from engine.runtime.clock import SystemClock
from engine.runtime.worker.sessions.call_scheduler import CallScheduler
from engine.runtime.worker.sessions.faults import NO_FAULTS
from engine.runtime.worker.sessions.running_calls import Callers, RunningCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path

    from engine.machine.model.inputs import Input
    from engine.runtime.files.line_writer import LineWriter
    from engine.runtime.worker.steps.calls.tool_call import CallSite
    from engine.runtime.worker.steps.outside.outside_calls import OutsideAgents

USED = {"model": "acp:plain", "cost": 7}
PROMPT, PERMISSION = "work/0/prompt", "work/1/call"


class FakeAgents:
    """One has answered; what it was permitted before does not end."""

    async def prompt(self, _: CallSite, execution: Execution, *_more: Any) -> tuple[StepFinished, Any]:
        return StepFinished(now=1, path=execution.path, attempt=1, ok=True, output={}, usage=USED), {}

    async def permit(self, *_: Any) -> None:
        await asyncio.Event().wait()


class FakeLines:
    """All of them are written."""

    async def written(self, run_id: str) -> None: ...


class FakeGraph:
    """A prompt, and what it asked permission for."""

    def step_at(self, path: str) -> Any:
        kind: Any = PromptStep if path == PROMPT else PermissionStep
        return kind.model_construct()


def spawn(work: Callable[..., Coroutine[Any, Any, None]], *given: Any) -> asyncio.Task[None]:
    return asyncio.create_task(work(*given))


async def held() -> None:
    """The run is ours."""


async def test_what_an_agent_used_is_told_though_it_is_cancelled_while_its_permissions_end(
    tmp_path: Path,
) -> None:
    told: list[Input] = []

    def tells(given: Input, _: Mapping[str, bytes]) -> None:
        told.append(given)

    nothing: Any = None
    callers = Callers(nothing, nothing, cast("OutsideAgents", FakeAgents()), cast("LineWriter", FakeLines()))
    site = SimpleNamespace(row={"run_id": "run_1"}, flow=SimpleNamespace(graph=FakeGraph()))
    calls = RunningCalls(
        callers,
        SystemClock(),
        NO_FAULTS,
        cast("CallSite", site),
        scheduler=CallScheduler(tmp_path, tmp_path / "slots", "wrk_1"),
        spawn=spawn,
        still_held=held,
        tells=tells,
        failed=nothing,
    )
    for path in (PERMISSION, PROMPT):
        running = Execution(
            path=path, step=path, type="call", status=StepStatus.RUNNING, attempt=1, model=path == PROMPT
        )
        calls.start(running, RunState())
    for _ in range(3):
        await asyncio.sleep(0)
    assert told == []
    calls.cancel(PROMPT)
    for _ in range(3):
        await asyncio.sleep(0)
    await calls.stop()
    (ended,) = told
    assert isinstance(ended, StepFinished)
    assert (ended.cancelled, ended.usage) == (True, USED)
