"""Runs argument vectors as children: no shell, a process group of their own, the operator's limits."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.contracts.status import StepErrorCode
from engine.tools.failure import ToolFailure, from_os_error, invalid_input, not_found
from engine.tools.process.process_group import Outcome, ProcessGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.tools.context import ToolLimits

_LAUNCHER = Path(__file__).with_name("launcher.py")
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_STDERR_TAIL = 4000
_ENVELOPE_BYTES = 64 * 1024
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """How a command ended; each output holds at most the limit's bytes, `truncated` says one was longer."""

    returncode: int
    stdout: bytes
    stderr: bytes
    truncated: bool


class CommandRunner:
    """Runs argument vectors under the operator's limits."""

    async def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        *,
        limits: ToolLimits,
        stdin: bytes | None = None,
        timeout: float | None = None,
        env_extra: Mapping[str, str] = _NOTHING,
    ) -> CommandOutcome:
        """Run to the end; whatever it started is gone when this returns or raises.

        `timeout` in seconds. Raises ToolFailure: invalid_input (NUL in an argument), not_found (no such
        command), timeout, backend_error (cannot start).
        """
        if any("\x00" in argument for argument in argv):
            raise invalid_input("an argument may not hold NUL")
        environment = child_environment(cwd, env_extra)
        program = await asyncio.to_thread(_program, argv[0], cwd, environment["PATH"])
        if program is None:
            raise not_found(f"there is no command {argv[0]!r}")
        launched = [*launcher_vector(limits), program, *argv[1:]]
        try:
            async with asyncio.timeout(timeout):
                outcome = await start_group(launched, cwd, environment, limits, stdin or b"")
        except TimeoutError as error:
            raise ToolFailure(
                StepErrorCode.TIMEOUT,
                f"command {argv[0]!r} did not end within {timeout:g} s",
                recoverable=True,
                details={"timeout": timeout},
            ) from error
        return CommandOutcome(outcome.returncode, outcome.outputs[0], outcome.outputs[1], outcome.truncated)


async def start_group(
    argv: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    limits: ToolLimits,
    stdin: bytes,
    *,
    result_pipe: bool = False,
) -> Outcome:
    """Run a process group under `limits`. Raises ToolFailure when it cannot start."""
    try:
        return await ProcessGroup.run(
            argv,
            cwd=cwd,
            environment=environment,
            stdin=stdin,
            limit=limits.max_output_bytes + (_ENVELOPE_BYTES if result_pipe else 0),
            grace=limits.kill_grace_seconds,
            result_pipe=result_pipe,
        )
    except (OSError, ValueError) as error:
        if isinstance(error, TimeoutError):
            raise
        reason = error if isinstance(error, OSError) else OSError(None, "an argument cannot be passed")
        raise from_os_error(reason, "cannot start the process") from error


def child_environment(workdir: Path, extra: Mapping[str, str] = _NOTHING) -> dict[str, str]:
    """What a child sees of our environment: where programs are, a language, a home. Nothing else."""
    return {
        "PATH": os.environ.get("PATH", _DEFAULT_PATH),
        "LANG": "C.UTF-8",
        "HOME": str(workdir),
        **extra,
    }


def confinement(limits: ToolLimits) -> str:
    """The settings of `launcher.confine` as JSON."""
    return json.dumps(
        {
            "parent": os.getpid(),
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": limits.cpu_seconds,
            "open_files": limits.open_files,
        }
    )


def launcher_vector(limits: ToolLimits) -> list[str]:
    """What stands before a program to run it under `limits`."""
    return [sys.executable, "-I", "-S", str(_LAUNCHER), confinement(limits)]


def _program(name: str, cwd: Path, search_path: str) -> str | None:
    if "/" in name:
        return shutil.which(str(cwd / name))
    return shutil.which(name, path=search_path)


def stderr_tail(stderr: bytes) -> str:
    """The last lines, whole ones only: half a line could hold half a secret that nobody recognizes."""
    text = stderr.decode("utf-8", "replace")
    if len(text) <= _STDERR_TAIL:
        return text
    return text[-_STDERR_TAIL:].partition("\n")[2]
