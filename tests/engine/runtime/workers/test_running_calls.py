"""Calls of a run that are cancelled while they are under way, and those that the journal keeps from
beginning: these fail nothing and stop nothing, they begin afterwards."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.contracts.flows.outside_agent import PermissionStep, PromptStep
from engine.contracts.flows.tool_step import ToolStep
from engine.contracts.status import StepStatus
from engine.errors import ErrorCode, Unavailable
from engine.machine.model.inputs import StepFinished
from engine.machine.model.state import Execution, RunState
from engine.runtime.clock import SystemClock
from engine.runtime.worker.sessions.call_scheduler import CallScheduler
from engine.runtime.worker.sessions.faults import NO_FAULTS
from engine.runtime.worker.sessions.running_calls import Callers, RunningCalls
from engine.runtime.worker.steps.calls.tool_call import ToolCalls
from tests.engine.runtime.embedded_home import until
from tests.patience import PATIENCE

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


DONE = StepFinished(now=1, path="send", attempt=1, ok=True, output={})
NOTHING: Any = None


def away(code: ErrorCode = ErrorCode.JOURNAL_LOCKED) -> Unavailable:
    return Unavailable(code, "not now")


class FakeTools:
    """The first call cannot begin, as its journal cannot be read."""

    def __init__(self, code: ErrorCode) -> None:
        self.refuses: list[Unavailable] = [away(code)]
        self.refused = asyncio.Event()
        self.calls = 0

    async def slot(self, *_: Any) -> None: ...

    async def call(self, *_: Any) -> tuple[StepFinished, dict[str, bytes]]:
        self.calls += 1
        if self.refuses:
            self.refused.set()
            raise self.refuses.pop()
        return DONE, {}


class FakeToolGraph:
    """One tool, as often as is asked for."""

    limits = SimpleNamespace(calls_at_once=None)

    def step_at(self, _: str) -> ToolStep:
        return ToolStep.model_construct(type="tool", id="send", tool="fake.send")


def running(tools: FakeTools, folder: Path, told: list[Input], failed: list[Exception]) -> RunningCalls:
    async def held() -> None:
        """The run is ours."""

    flow = SimpleNamespace(graph=FakeToolGraph())
    site = SimpleNamespace(row={"run_id": "run_1"}, flow=flow, outermost="run_1")
    return RunningCalls(
        Callers(cast("ToolCalls", tools), NOTHING, NOTHING, cast("Any", FakeLines())),
        SystemClock(),
        NO_FAULTS,
        cast("Any", site),
        scheduler=CallScheduler(folder, folder / "slots", "wrk_1"),
        spawn=spawn,
        still_held=held,
        tells=lambda given, _: told.append(given),
        failed=failed.append,
    )


def sending(**fields: Any) -> Execution:
    return Execution(path="send", step="send", type="tool", status=StepStatus.RUNNING, attempt=1, **fields)


async def test_it_is_made_when_that_is_over_and_had_not_begun_until_then(tmp_path: Path) -> None:
    told: list[Input] = []
    failed: list[Exception] = []
    tools = FakeTools(ErrorCode.JOURNAL_LOCKED)
    calls = running(tools, tmp_path, told, failed)
    calls.start(sending(ask_when_lost=True), RunState())
    async with asyncio.timeout(PATIENCE):
        await tools.refused.wait()
        assert calls.not_begun == ["send"], "nobody has to be asked what became of it"

        async def has_ended() -> bool:
            return bool(told)

        await until(has_ended)
    assert (told, failed, tools.calls, calls.not_begun) == ([DONE], [], 2, [])


async def test_one_that_is_stopped_meanwhile_has_not_begun(tmp_path: Path) -> None:
    told: list[Input] = []
    tools = FakeTools(ErrorCode.DISK_FULL)
    calls = running(tools, tmp_path, told, [])
    calls.start(sending(ask_when_lost=True), RunState())
    async with asyncio.timeout(PATIENCE):
        await tools.refused.wait()
        await calls.stop()
    assert (told, tools.calls, calls.not_begun) == ([], 1, ["send"])


async def test_what_the_journal_has_lost_is_not_waited_for(tmp_path: Path) -> None:
    told: list[Input] = []
    failed: list[Exception] = []
    tools = FakeTools(ErrorCode.JOURNAL_CORRUPT)
    calls = running(tools, tmp_path, told, failed)
    calls.start(sending(), RunState())

    async def none_is_under_way() -> bool:
        return not calls.any

    await until(none_is_under_way)
    assert (told, tools.calls) == ([], 1)
    assert [type(one) for one in failed] == [Unavailable]


@pytest.mark.parametrize("where", ["input", "room"])
async def test_a_tool_whose_journal_cannot_be_read_is_not_called_and_has_not_failed(where: str) -> None:
    async def load(value: Any) -> Any:
        if where == "input":
            raise away()
        return value

    async def usage() -> Any:
        raise away()

    limits = SimpleNamespace(max_tool_calls=3)
    flow = SimpleNamespace(graph=SimpleNamespace(limits=limits, step_at=FakeToolGraph().step_at))
    site: Any = SimpleNamespace(flow=flow, usage=usage)
    values: Any = SimpleNamespace(load_stored=load)
    tools = ToolCalls(NOTHING, values, NOTHING, SystemClock(), 60.0, NOTHING, NOTHING)
    with pytest.raises(Unavailable):
        await tools.call(site, sending(input={"to": "ops"}), NOTHING)
