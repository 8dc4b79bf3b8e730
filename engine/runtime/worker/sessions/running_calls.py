"""The calls of one run that are under way, of tools, models and agents, each a task."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from engine.contracts.flows.outside_agent import PermissionStep, PromptStep
from engine.errors import Unavailable
from engine.machine.model.inputs import StepFinished
from engine.machine.model.state import outer_path_of
from engine.runtime.failing import Failing
from engine.runtime.worker.steps.agents.stopping import Stopped, used_until
from engine.threads import finish
from engine.tools.failure import ToolFailure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from collections.abc import Set as AbstractSet

    from engine.machine.model.inputs import Input
    from engine.machine.model.state import Execution, RunState
    from engine.runtime.clock import Clock
    from engine.runtime.files.line_writer import LineWriter
    from engine.runtime.worker.sessions.call_scheduler import CallScheduler
    from engine.runtime.worker.sessions.faults import Faults
    from engine.runtime.worker.steps.agents.live_models import LiveModels
    from engine.runtime.worker.steps.calls.tool_call import CallSite, ToolCalls
    from engine.runtime.worker.steps.outside.outside_calls import OutsideAgents

T = TypeVar("T")
AGAIN_SECONDS = 0.5
"""After so long a call that the journal kept from beginning is tried again."""
_OF_AGENTS = (PromptStep, PermissionStep)
_NO_ATTEMPT = 0
"""Of a call that is over for everybody: only what it used is heard."""


class Callers(NamedTuple):
    """What makes the calls of every run, and writes the lines that come of them."""

    tools: ToolCalls
    models: LiveModels
    outside: OutsideAgents
    lines: LineWriter


class RunningCalls:
    """Starts, cancels and stops calls. `still_held` raises LeaseLost when the run is another worker's, asked
    before a call that must not be made twice. `tells` hears how each ends and what an agent asks, with the
    blobs that this refers to, `failed` of a defect in this engine that ended one.
    """

    def __init__(
        self,
        callers: Callers,
        clock: Clock,
        faults: Faults,
        site: CallSite,
        *,
        scheduler: CallScheduler,
        spawn: Callable[..., asyncio.Task[None]],
        still_held: Callable[[], Awaitable[None]],
        tells: Callable[[Input, Mapping[str, bytes]], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._callers = callers
        self._clock = clock
        self._faults = faults
        self._site = site
        self._scheduler = scheduler
        self._spawn = spawn
        self._still_held = still_held
        self._tells = tells
        self._failed = failed
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._expected: dict[str, int | None] = {}
        self._waiting: set[str] = set()
        self._used: list[StepFinished] = []
        self._stopping = False

    @property
    def any(self) -> bool:
        """Whether a call is under way."""
        return bool(self._tasks)

    @property
    def not_begun(self) -> list[str]:
        """Paths of calls that must not be made twice, and never began here."""
        return sorted(self._waiting)

    def take_used(self) -> list[StepFinished]:
        """What calls used that were stopped, and for which nothing is held: nobody else can tell."""
        used, self._used = self._used, []
        return used

    def expect(self, paths: AbstractSet[str]) -> None:
        """These calls begin next, once the commit that is about to be made stands."""
        if not paths and not self._expected:
            return
        self._expect_no_more(self._expected.keys() - paths - self._waiting)
        for path in paths - self._expected.keys():
            self._expected[path] = self._scheduler.expect(self._site.row["run_id"], path)

    def start(self, execution: Execution, state: RunState) -> None:
        """Call the execution's tool, or ask its model about what the run has come to."""
        if execution.ask_when_lost:
            self._waiting.add(execution.path)
        before = self._tasks.get(execution.path)
        self._tasks[execution.path] = self._spawn(self._call, execution, state, before)

    def cancel(self, path: str) -> None:
        """Cancel the call of an execution; it is reported as finished, cancelled."""
        task = self._tasks.get(path)
        if task is not None:
            task.cancel()

    async def stop(self) -> None:
        """Stop all calls without reporting them: they run again where the run goes on."""
        self._stopping = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._expect_no_more(self._expected.keys())
        await self.lines_written()

    async def lines_written(self) -> None:
        """What the calls of the run have written until now is in its file."""
        await self._callers.lines.written(self._site.row["run_id"])

    def _expect_no_more(self, paths: AbstractSet[str]) -> None:
        for path in tuple(paths):
            self._scheduler.expect_no_more(self._expected.pop(path))

    async def _call(self, execution: Execution, state: RunState, before: asyncio.Task[None] | None) -> None:
        path = execution.path
        told: Input
        try:
            if before is not None:  # it was cancelled, and has not ended yet: no call is made twice at once
                await finish(asyncio.wait([before]))
            self._faults.reach("before_tool", execution.type)
            place = self._expected.pop(path, None)
            if isinstance(self._site.flow.graph.step_at(path), _OF_AGENTS):
                told, blobs = await self._of_an_agent(execution, state)
            else:
                told, blobs = await self._scheduled(execution, state, place)
            self._faults.reach("after_tool", execution.type)
        except asyncio.CancelledError as stopped:
            usage = used_until(stopped)
            if self._stopping:
                if usage is not None:
                    await self._left(path, usage)
                raise
            told, blobs = self._cancelled(path, execution.attempt, usage), {}
        except Exception as defect:  # noqa: BLE001 - the edge of a call: raised where the run is worked
            self._failed(defect)
            return
        finally:
            if self._tasks.get(path) is asyncio.current_task():
                del self._tasks[path]
        self._tells(told, blobs)

    async def _left(self, path: str, usage: dict[str, Any]) -> None:
        if "hold" not in usage:
            self._used.append(self._cancelled(path, _NO_ATTEMPT, usage))
            return
        with suppress(Unavailable):  # then the most that it may have cost is counted
            await finish(self._callers.models.leave(usage))

    def _cancelled(self, path: str, attempt: int, usage: dict[str, Any] | None) -> StepFinished:
        now = self._clock.now()
        return StepFinished(now=now, path=path, attempt=attempt, ok=False, cancelled=True, usage=usage)

    async def uncounted(self) -> list[StepFinished]:
        """What calls used that ended with their worker; asked before the first one begins here."""
        left = await self._callers.models.left(self._site.row["run_id"])
        return [self._cancelled(usage.pop("path"), _NO_ATTEMPT, usage) for usage in left]

    async def _scheduled(
        self, execution: Execution, state: RunState, place: int | None
    ) -> tuple[Input, Mapping[str, bytes]]:
        site, run_id, tools = self._site, self._site.row["run_id"], self._callers.tools
        if execution.model:
            asking = partial(self._callers.models.call, site, execution, state)
            return await self._scheduler.make(
                partial(self._made, execution, asking), run_id, execution, place
            )
        slot = await tools.slot(site, execution)
        try:
            return await self._scheduler.make(
                partial(self._made, execution, partial(tools.call, site, execution, slot)),
                run_id,
                execution,
                place,
                tree=site.outermost,
                at_once=site.flow.graph.limits.calls_at_once,
                slot=slot,
            )
        except ToolFailure as late:
            self._waiting.discard(execution.path)
            return tools.not_begun(execution, late), {}

    async def _made(
        self, execution: Execution, call: Callable[[], Awaitable[tuple[Input, Mapping[str, bytes]]]]
    ) -> tuple[Input, Mapping[str, bytes]]:
        async def begun() -> tuple[Input, Mapping[str, bytes]]:
            if not execution.ask_when_lost:
                return await call()
            self._waiting.add(execution.path)
            await self._still_held()
            self._waiting.discard(execution.path)
            try:
                return await call()
            except Unavailable:
                self._waiting.add(execution.path)
                raise

        return await self._begun(begun)

    async def _begun(self, begin: Callable[[], Awaitable[T]]) -> T:
        """What comes of a call that the journal may keep from beginning: it begins when that is over, and
        others of the run that are under way are not stopped for it."""
        failing: Failing | None = None
        while True:
            try:
                return await begin()
            except Unavailable as away:
                if not away.may_pass:
                    raise
                failing = failing or Failing(f"the beginning of a call of run {self._site.row['run_id']}")
                failing.failed(away)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _of_an_agent(self, execution: Execution, state: RunState) -> tuple[Input, Mapping[str, bytes]]:
        """A prompt waits for people as long as it takes: it takes nobody's turn. What it asked for and may do
        has been told before its end is."""
        if not execution.model:
            return await self._begun(partial(self._callers.outside.permit, self._site, execution))
        with self._scheduler.marked(self._site.row["run_id"], execution) as mark:
            prompt = partial(self._callers.outside.prompt, self._site, execution, state)
            ended = await self._begun(partial(prompt, self._tells, mark.waits))
        below = outer_path_of(execution.path) + "/"
        beside = [
            task for path, task in self._tasks.items() if path.startswith(below) and path != execution.path
        ]
        if beside:
            try:
                await asyncio.wait(beside)
            except asyncio.CancelledError:
                used = ended[0].usage if isinstance(ended[0], StepFinished) else None
                if used is None:
                    raise
                raise Stopped(used) from None
        return ended

    def hear(self, state: RunState) -> None:
        """The run stands so by now: agents hear of what was decided on what they ask for."""
        for path in self._callers.outside.hear(self._site.row["run_id"], state):
            self.cancel(path)
