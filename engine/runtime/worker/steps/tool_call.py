"""One tool call of a run: policy, the executor, output files, and the input it becomes."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from engine.contracts.flow import ToolStep
from engine.contracts.status import StepErrorCode
from engine.errors import VasiniError
from engine.machine.model.inputs import StepFinished
from engine.machine.transition_builder import failure
from engine.tools.context import CallRules, ToolContext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.journal.rows import RunRow
    from engine.machine.model.state import Execution
    from engine.runtime.clock import Clock
    from engine.runtime.files.run_folder import RunFolders
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore
    from engine.tools.executor import ToolExecutor


class ToolCalls:
    """Calls tools for steps of runs. `default_timeout` holds for steps without one, in seconds."""

    def __init__(
        self,
        executor: ToolExecutor,
        values: ValueStore,
        folders: RunFolders,
        clock: Clock,
        default_timeout: float,
    ) -> None:
        self._executor = executor
        self._values = values
        self._folders = folders
        self._clock = clock
        self._default_timeout = default_timeout

    async def call(
        self, row: RunRow, flow: PinnedFlow, execution: Execution, workdir: Path
    ) -> tuple[StepFinished, Mapping[str, bytes]]:
        """Call the execution's tool: how it ended, and the blobs its output refers to.

        Never raises but for cancellation: what went wrong is the step's error.
        """
        step = flow.graph.step_at(execution.path)
        assert isinstance(step, ToolStep), execution.path
        try:
            output = await self._output(row, flow, execution, step, workdir)
            stored = await self._values.store_any(output)
        except _Failed as failed:
            return self._failed(execution, failed.error), {}
        except VasiniError as error:
            code = StepErrorCode.CONTRACT_VIOLATION
            return self._failed(execution, failure(code, error.message, **error.details)), {}
        except Exception as error:  # noqa: BLE001 - the edge of the step runner: recorded as the step's failure
            message = f"the tool call failed: {type(error).__name__}"
            return self._failed(execution, failure(StepErrorCode.BACKEND_ERROR, message)), {}
        finished = StepFinished(
            now=self._clock.now(),
            path=execution.path,
            attempt=execution.attempt,
            ok=True,
            output=stored.value,
        )
        return finished, stored.blobs

    def _failed(self, execution: Execution, error: dict[str, Any]) -> StepFinished:
        return StepFinished(
            now=self._clock.now(),
            path=execution.path,
            attempt=execution.attempt,
            ok=False,
            error=self._values.redact(error),
            jitter=random.random(),  # noqa: S311 - spreads retries, protects nothing
        )

    async def _output(
        self,
        row: RunRow,
        flow: PinnedFlow,
        execution: Execution,
        step: ToolStep,
        workdir: Path,
    ) -> Any:
        params = await self._values.load(execution.input)
        _refuse_foreign_references(step.params, params)
        context = ToolContext(
            run_id=row["run_id"],
            step_id=execution.path,
            attempt=execution.attempt,
            idempotency_key=f"{row['run_id']}/{execution.path}",
            tenant=row["tenant"],
            workdir=workdir,
        )
        rules = CallRules(
            policies=flow.policies,
            timeout=step.timeout or self._default_timeout,
            approved=execution.approved,
        )
        result = await self._executor.call(step.tool, params, context, rules=rules, code=flow.code)
        if result.error is not None:
            error = result.error
            details = {**error.details, "recoverable": error.recoverable, "tool": step.tool}
            raise _Failed(failure(error.code, error.message, **details))
        data = result.data
        if isinstance(data, dict) and isinstance(data.get("output_files"), list):
            stored = await asyncio.to_thread(
                self._folders.write_output_files, row["pack"], row["run_id"], data["output_files"]
            )
            data = {**data, "output_files": stored}
        return data


class _Failed(Exception):
    """Carries an error that is data."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.error = error


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
