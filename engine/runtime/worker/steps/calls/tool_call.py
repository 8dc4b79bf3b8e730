"""One tool call of a run: policy, the executor, output files, and the input it becomes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import chosen_step
from engine.contracts.flows.tool_step import ToolStep
from engine.contracts.status import StepErrorCode
from engine.contracts.tool import AwaitedAnswer
from engine.errors import Unavailable, VasiniError
from engine.machine.model.inputs import StepFinished
from engine.machine.transition_builder import failure
from engine.runtime.clock import new_id
from engine.runtime.worker.steps.agents.own_tools.finding import FIND, find_tools
from engine.runtime.worker.steps.agents.told.conversation import Briefings
from engine.runtime.worker.steps.calls.brought_images import brings_images, kept_images
from engine.runtime.worker.steps.calls.changed_call import failed_as_changed, kept_with_form, told_of_change
from engine.runtime.worker.steps.calls.failed_call import failed_call
from engine.runtime.worker.steps.form_step import form_asked
from engine.runtime.worker.steps.rendering import action_of, bound_digest
from engine.tools.awaiting import checked_schema
from engine.tools.context import CallRules, ToolContext
from engine.tools.failure import ToolFailure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from engine.contracts.runs.preview import Preview
    from engine.contracts.sandbox_level import SandboxWish
    from engine.journal.records import TreeUsage
    from engine.journal.rows import RunRow
    from engine.machine.model.state import Execution
    from engine.runtime.clock import Clock
    from engine.runtime.files.run_folders import RunFolders
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore
    from engine.tools.context import HandOff, OutputSink
    from engine.tools.executor import ToolExecutor
    from engine.tools.slots import ToolSlot


_NO_DATA: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CallSite:
    """Where the calls of one run are made: its row, flow, work folder, and the scopes of its tools."""

    row: RunRow
    flow: PinnedFlow
    workdir: Path
    input_dir: Path
    """Where what was attached to its start lies."""
    scopes: Mapping[str, tuple[Path, ...]]
    outermost: str
    """The run that all of the tree was started by, itself if it was started by none."""
    usage: Callable[[], Awaitable[TreeUsage]] | None = None
    """What the run's whole tree has used, where a ceiling holds for it."""
    epoch: int = 0
    """The lease under which the calls are made."""
    listed: dict[str, str] = field(default_factory=dict)
    """As `CallJudge.listed`."""
    briefings: Briefings = field(default_factory=Briefings)
    """What its agents were told last."""

    def context(
        self,
        path: str,
        attempt: int,
        *,
        listed: str | None = None,
        previewed: Preview | None = None,
        output: OutputSink | None = None,
        hand_off: HandOff | None = None,
        data: Mapping[str, Any] = _NO_DATA,
    ) -> ToolContext:
        """What a tool is told of a call; `listed` is what a server said of the tool when it was judged."""
        return ToolContext(
            run_id=self.row["run_id"],
            step_id=path,
            attempt=attempt,
            idempotency_key=f"{self.row['run_id']}/{path}",
            tenant=self.row["tenant"],
            workdir=self.workdir,
            previewed=previewed,
            output=output,
            listed=listed,
            hand_off=hand_off,
            data=data,
            pack=self.row["pack"],
            flow=self.row["flow"],
            input_dir=self.input_dir,
        )

    def rules(
        self,
        *,
        approved: bool = False,
        timeout: tuple[float, str],
        waited: float = 0.0,
        sandbox: SandboxWish | None,
    ) -> CallRules:
        """What binds a call of the run; `timeout` in seconds, and what sets it."""
        return CallRules(
            policies=self.flow.policies,
            layer=self.flow.layer,
            scopes=self.scopes,
            approved=approved,
            timeout=timeout[0],
            timeout_of=timeout[1],
            waited=waited,
            sandbox=sandbox,
        )


class ToolCalls:
    """Calls tools for steps of runs. `default_timeout` holds for steps without one, in seconds;
    `outputs` opens what keeps the lines that a call writes."""

    def __init__(
        self,
        executor: ToolExecutor,
        values: ValueStore,
        folders: RunFolders,
        clock: Clock,
        default_timeout: float,
        outputs: Callable[[RunRow, Execution], AbstractAsyncContextManager[OutputSink]],
        hand_off: HandOff,
    ) -> None:
        self._executor = executor
        self._values = values
        self._folders = folders
        self._clock = clock
        self._default_timeout = default_timeout
        self._outputs = outputs
        self._hand_off = hand_off

    async def preview(self, site: CallSite, path: str, step: ToolStep, params: Any) -> Preview | None:
        """What a call would do as things stand, for tools that can say so."""
        context = site.context(path, 1)
        rules = site.rules(timeout=self._timeout(step), sandbox=step.sandbox)
        return await self._executor.preview(step.tool, params, context, rules=rules, code=site.flow.code)

    def _timeout(self, step: ToolStep) -> tuple[float, str]:
        if step.timeout is not None:
            return step.timeout, "timeout of the step"
        return self._default_timeout, "engine.default_step_timeout"

    async def slot(self, site: CallSite, execution: Execution) -> ToolSlot:
        """What the call of the execution holds while it is made."""
        step = site.flow.graph.step_at(execution.path)
        assert isinstance(step, ToolStep), execution.path
        tool = step.tool
        if step.chosen:
            with suppress(VasiniError):  # the call meets and tells it
                tool = (await self._values.load_stored(execution.input))["tool"]
        return self._executor.slot(tool, site.row["tenant"], self._timeout(step)[0], site.flow.layer)

    def not_begun(self, execution: Execution, late: ToolFailure) -> StepFinished:
        """The end of a call that got no slot in its time."""
        return self._failed(execution, failure(late.code, late.message, **late.details))

    async def call(
        self, site: CallSite, execution: Execution, slot: ToolSlot
    ) -> tuple[StepFinished, Mapping[str, bytes]]:
        """Call the execution's tool, which holds its slot: how it ended, and the blobs its output refers to.

        Raises Unavailable while the journal keeps it from beginning, else nothing but cancellation: what went
        wrong is the step's error.
        """
        step = site.flow.graph.step_at(execution.path)
        assert isinstance(step, ToolStep), execution.path
        given: Any = None
        begins = False
        try:
            given = await self._values.load_stored(execution.input)
            await _require_room(site)
            begins = True
            output, meta = await self._output(site, execution, step, given, slot.waited)
            if isinstance(output, AwaitedAnswer):
                return await self._awaiting(site, execution, output, meta, kept_with_form(step, given))
            images: dict[str, bytes] = {}
            if brings_images(output):
                output, images = await asyncio.to_thread(kept_images, output)
            stored = await self._values.store_any(told_of_change(step, given, output))
        except Exception as wrong:
            if not begins and isinstance(wrong, Unavailable) and wrong.may_pass:
                raise
            # the edge of the step runner: recorded as the step's failure
            error = failed_as_changed(self._values, step, given, _error_of(wrong))
            return self._failed(execution, error, wrong.meta if isinstance(wrong, _Failed) else None), {}
        finished = StepFinished(
            now=self._clock.now(),
            path=execution.path,
            attempt=execution.attempt,
            ok=True,
            output=stored.value,
            meta=meta,
        )
        return finished, {**stored.blobs, **images}

    async def _awaiting(
        self,
        site: CallSite,
        execution: Execution,
        awaited: AwaitedAnswer,
        meta: dict[str, Any],
        beside: dict[str, Any],
    ) -> tuple[StepFinished, Mapping[str, bytes]]:
        """The call opens a form, with what is kept `beside` it. Raises ToolFailure for one that cannot be
        shown."""
        schema = await checked_schema(awaited.form)
        made: dict[str, bytes] = {}

        def store(value: Any) -> Any:
            stored = self._values.store(value)
            made.update(stored.blobs)
            return stored.value

        asked = form_asked(awaited.form, schema, site.flow, store, beside)
        awaits = {"request_id": new_id("form"), "expires_in": awaited.expires_in, **asked}
        finished = StepFinished(
            now=self._clock.now(),
            path=execution.path,
            attempt=execution.attempt,
            ok=True,
            meta=meta,
            awaits=awaits,
        )
        return finished, made

    def _keep_files(self, row: RunRow, files: list[Any], *, copies: bool) -> list[dict[str, Any]]:
        with self._folders.opened(row["pack"], row["run_id"]) as folder:
            return folder.write_output_files(files, copies=copies)

    def _failed(
        self, execution: Execution, error: dict[str, Any], meta: dict[str, Any] | None = None
    ) -> StepFinished:
        return failed_call(self._clock, self._values, execution, error, meta)

    async def _as_approved(
        self, site: CallSite, execution: Execution, step: ToolStep, params: Any
    ) -> Preview | None:
        """What the call would do now, which is what a person approved of it."""
        preview = await self.preview(site, execution.path, step, params)
        if bound_digest(action_of(step, params), preview, site.flow.pack_digest) != execution.digest:
            message = f"step {step.id}: what would run differs from what was approved"
            raise _Failed(failure(StepErrorCode.APPROVAL_VOID, message, recoverable=False))
        return preview

    async def _output(
        self, site: CallSite, execution: Execution, step: ToolStep, params: Any, waited: float
    ) -> tuple[Any, dict[str, Any]]:
        """What the tool brought, and how the call went; `params` is what it was started with."""
        if step.chosen and params["tool"] == FIND and "among" in params:
            return await find_tools(self._executor, site.flow, params), {}
        data: Mapping[str, Any] = {}
        if step.chosen:  # a model's: nothing of it was written by the flow's author
            data = params.get("data", data)
            step, params = chosen_step(params["tool"], {}), params["params"]
        _refuse_foreign_references(step.params, params)
        rules = site.rules(
            approved=execution.approved, timeout=self._timeout(step), waited=waited, sandbox=step.sandbox
        )
        previewed = None
        if execution.approved and execution.digest is not None:
            previewed = await self._as_approved(site, execution, step, params)
        async with self._outputs(site.row, execution) as output:
            context = site.context(
                execution.path,
                execution.attempt,
                listed=site.listed.get(step.tool),
                previewed=previewed,
                output=output,
                hand_off=self._hand_off,
                data=data,
            )
            result = await self._executor.call(step.tool, params, context, rules=rules, code=site.flow.code)
        meta = result.meta.recorded()
        if result.error is not None:
            error = result.error
            details = {**error.details, "recoverable": error.recoverable, "tool": step.tool}
            raise _Failed(failure(error.code, error.message, **details), meta)
        if result.awaits is not None:
            return result.awaits, meta
        data = result.data
        if isinstance(data, dict) and isinstance(data.get("output_files"), list):
            copies = result.meta.backend == "local"
            stored = await asyncio.to_thread(self._keep_files, site.row, data["output_files"], copies=copies)
            data = {**data, "output_files": stored}
        return data, meta


async def _require_room(site: CallSite) -> None:
    """Runs of a tree prepare side by side: whoever went past the ceiling together makes no call."""
    limits = site.flow.graph.limits
    if site.usage is None or limits.max_tool_calls is None:
        return
    used = (await site.usage()).calls
    if used > limits.max_tool_calls:
        message = f"the run has used its {limits.max_tool_calls} tool calls; raise {limits.calls_setting}"
        details = {"limit": limits.max_tool_calls, "used": used, "recoverable": False}
        raise _Failed(failure(StepErrorCode.STEP_LIMIT, message, **details))


class _Failed(Exception):
    """Carries an error that is data."""

    def __init__(self, error: dict[str, Any], meta: dict[str, Any] | None = None) -> None:
        super().__init__(error["message"])
        self.error = error
        self.meta = meta


def _error_of(wrong: Exception) -> dict[str, Any]:
    """What went wrong in a call, as data."""
    match wrong:
        case _Failed():
            return wrong.error
        case ToolFailure():
            return failure(wrong.code, wrong.message, **wrong.details)
        case VasiniError():
            return failure(StepErrorCode.CONTRACT_VIOLATION, wrong.message, **wrong.details)
    return failure(StepErrorCode.BACKEND_ERROR, f"the tool call failed: {type(wrong).__name__}")


def _refuse_foreign_references(written: Any, params: Any) -> None:
    """Only the flow itself may name a secret: one that came in with a payload or an output is refused."""
    if isinstance(params, dict):
        if "$secret" in params and params != written:
            message = "the parameters name a secret that the flow itself does not name"
            raise _Failed(failure(StepErrorCode.PERMISSION_DENIED, message))
        for key, value in params.items():
            _refuse_foreign_references(written.get(key) if isinstance(written, dict) else None, value)
    elif isinstance(params, list):
        same = written if isinstance(written, list) and len(written) == len(params) else [None] * len(params)
        for author, value in zip(same, params, strict=True):
            _refuse_foreign_references(author, value)
