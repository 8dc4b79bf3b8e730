"""command.run: a listed command as an argument vector, no shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import Risk, StepErrorCode
from engine.contracts.tool import ToolSpec
from engine.tools.builtin.paths import path_scope
from engine.tools.failure import ToolFailure, from_os_error, not_found, permission_denied
from engine.tools.process.command_runner import CommandOutcome, CommandRunner, stderr_tail
from engine.tools.process.threads import run_stoppable
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.tools.context import ToolContext, ToolLimits

RUN = ToolSpec(
    name="command.run",
    description="Run a listed command without a shell, in its own process group with limits.",
    parameters={
        "type": "object",
        "properties": {
            "argv": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 10_000},
            "cwd": {"type": "string", "minLength": 1},
            "stdin": {"type": "string"},
            "timeout": {"type": "number", "exclusiveMinimum": 0},
            "check": {"type": "boolean"},
        },
        "required": ["argv"],
        "additionalProperties": False,
    },
    backend="command",
    risk=Risk.HIGH,
    timeout=300.0,
)


def command_tools(runner: CommandRunner) -> Iterator[RegisteredTool]:
    """The command tool."""

    async def run(params: dict[str, Any], context: ToolContext) -> Any:
        argv: list[str] = params["argv"]
        limits = context.limits
        _require_listed(argv[0], limits)
        cwd = await run_stoppable(lambda _stop: _working_directory(params.get("cwd"), context))
        outcome = await runner.run(
            argv,
            cwd,
            limits=limits,
            stdin=params.get("stdin", "").encode(),
            timeout=params.get("timeout"),
        )
        if outcome.returncode != 0 and params.get("check", True):
            raise command_failed(argv[0], outcome)
        if outcome.truncated:
            raise ToolFailure(
                StepErrorCode.CONTRACT_VIOLATION,
                f"command {argv[0]!r} wrote more than the limit of {limits.max_output_bytes} bytes",
                details={"limit": limits.max_output_bytes},
            )
        return {
            "returncode": outcome.returncode,
            "stdout": outcome.stdout.decode("utf-8", "replace"),
            "stderr": outcome.stderr.decode("utf-8", "replace"),
        }

    yield RegisteredTool(RUN, run)


def command_failed(name: str, outcome: CommandOutcome) -> ToolFailure:
    """The failure of a command that ended with another status than 0."""
    how = f"status {outcome.returncode}" if outcome.returncode >= 0 else f"signal {-outcome.returncode}"
    return ToolFailure(
        StepErrorCode.BACKEND_ERROR,
        f"command {name!r} ended with {how}",
        details={"returncode": outcome.returncode, "stderr": stderr_tail(outcome.stderr)},
    )


def _require_listed(name: str, limits: ToolLimits) -> None:
    if not limits.command_allowlist:
        raise permission_denied(
            f"command {name!r} is refused: no command is allowed until the setting tools.command_allowlist "
            "names it"
        )
    if name not in limits.command_allowlist:
        raise permission_denied(f"command {name!r} is not listed in the setting tools.command_allowlist")


def _working_directory(cwd: str | None, context: ToolContext) -> Path:
    scope = path_scope(context.limits)
    if cwd is not None and cwd.startswith("/"):
        return scope.root(cwd)
    try:
        context.workdir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "cannot make the run's working directory") from error
    if cwd is None:
        return context.workdir
    inside = scope.resolve(str(context.workdir), cwd).real
    if not inside.is_dir():
        raise not_found(f"cwd {cwd!r} is not a directory of the run's working directory")
    return inside
