"""Work that must be killable, done by one of our own programs in a process of its own."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.tools.failure import ToolFailure
from engine.tools.process.command_runner import child_environment, last_lines, start_group
from engine.tools.process.limit_words import met_limit

if TYPE_CHECKING:
    from pathlib import Path

    from engine.tools.context import OutputSink, ToolLimits
    from engine.tools.process.process_group import Outcome


async def ask(
    program: Path,
    request: dict[str, Any],
    cwd: Path,
    limits: ToolLimits,
    what: str,
    sink: OutputSink | None = None,
) -> dict[str, Any]:
    """The answer of `program` (a Python file of ours) to one request.

    `what` names the work in errors, `sink` is told what it writes.

    Raises ToolFailure when the process ends without a whole answer.
    """
    outcome = await start_group(
        [sys.executable, "-I", str(program)],
        [],
        cwd,
        child_environment(cwd, limits),
        limits,
        json.dumps(request).encode(),
        result_pipe=True,
        sink=sink,
    )
    if outcome.returncode != 0:
        stderr = last_lines(outcome.ends[1])
        limit = met_limit(outcome.returncode, outcome.ended_by, stderr, limits)
        raise ToolFailure(
            StepErrorCode.BACKEND_ERROR,
            f"{what}: its process ended {_ending(outcome.returncode)} before it answered"
            + (f": {limit}" if limit else ""),
            details={"returncode": outcome.returncode, "stderr": stderr},
        )
    return _answer(outcome, what)


def _answer(outcome: Outcome, what: str) -> dict[str, Any]:
    try:
        answer = json.loads(outcome.outputs[2])
    except ValueError:  # cut at the limit, or somebody else ended the process with status 0
        answer = None
    if not isinstance(answer, dict):
        raise ToolFailure(StepErrorCode.CONTRACT_VIOLATION, f"{what}: its process gave no whole answer")
    return answer


def _ending(returncode: int) -> str:
    return f"by signal {-returncode}" if returncode < 0 else f"with status {returncode}"
