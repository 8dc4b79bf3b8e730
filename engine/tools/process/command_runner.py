"""Runs argument vectors as children: no shell, a keeper of their own, the operator's limits."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING

from engine.contracts.status import StepErrorCode
from engine.threads import finish
from engine.tools.failure import ToolFailure, from_os_error, invalid_input, not_found
from engine.tools.process import cgroup
from engine.tools.process.limit_words import met_limit
from engine.tools.process.one_request import CONFINED
from engine.tools.process.process_group import Outcome, ProcessGroup
from engine.tools.sandbox.mounts import HOME
from engine.tools.sandbox.starting import isolation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from engine.tools.context import OutputSink, ToolLimits

KEEPER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("start_keeper.py")))
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_END_CHARACTERS = 4000
_ENVELOPE_BYTES = 64 * 1024
_TURNS = count()
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """How a command ended; each output holds at most the limit's bytes, `truncated` says one was longer.

    The ends hold whole lines, at most 4000 characters. `met_limit` tells in words which of the operator's
    limits ended the command, or may have.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    truncated: bool
    stdout_end: str = ""
    stderr_end: str = ""
    met_limit: str | None = None


class CommandRunner:
    """Runs argument vectors under the operator's limits."""

    async def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        *,
        limits: ToolLimits,
        home: Path | None = None,
        stdin: bytes | None = None,
        timeout: float | None = None,
        env_extra: Mapping[str, str] = _NOTHING,
        sink: OutputSink | None = None,
    ) -> CommandOutcome:
        """Run to the end; whatever it started is gone when this returns or raises.

        `home` is its HOME where it has none in memory: where it runs may be what somebody else made, whose
        settings it would read there; None is `cwd`. `timeout` in seconds; `sink` is told what is written.

        Raises ToolFailure: invalid_input (NUL in an argument), not_found (no such
        command), timeout, backend_error (cannot start).
        """
        if any("\x00" in argument for argument in argv):
            raise invalid_input("an argument may not hold NUL")
        environment = child_environment(home or cwd, limits, env_extra)
        program = await asyncio.to_thread(program_path, argv[0], cwd, environment["PATH"])
        if program is None:
            raise not_found(f"there is no command {argv[0]!r}")
        try:
            async with asyncio.timeout(timeout):
                outcome = await start_group(
                    KEEPER, [program, *argv[1:]], cwd, environment, limits, stdin or b"", sink=sink
                )
        except TimeoutError as error:
            raise ToolFailure(
                StepErrorCode.TIMEOUT,
                f"command {argv[0]!r} did not end within {timeout:g} s",
                recoverable=True,
                details={"timeout": timeout},
            ) from error
        stdout_end, stderr_end = last_lines(outcome.ends[0]), last_lines(outcome.ends[1])
        return CommandOutcome(
            outcome.returncode,
            outcome.outputs[0],
            outcome.outputs[1],
            outcome.truncated,
            stdout_end,
            stderr_end,
            met_limit(outcome.returncode, outcome.ended_by, stdout_end + stderr_end, limits),
        )


async def start_group(
    program: Sequence[str],
    work: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    limits: ToolLimits,
    stdin: bytes | IO[bytes],
    *,
    result_pipe: bool = False,
    sink: OutputSink | None = None,
) -> Outcome:
    """Run `program SETTINGS work...`, which confines itself; an isolated one is confined by its keeper.

    Raises ToolFailure when it cannot start.
    """
    isolated = await isolation(limits, cwd)
    try:
        async with _own_cgroup(limits) as held_by:
            settings = _settings(limits, held_by)
            whole = [*program, settings, *work]
            if isolated:
                inside = work if program is KEEPER else [*program, CONFINED, *work]
                whole = [*KEEPER, settings, *isolated, *inside]
            outcome = await ProcessGroup.run(
                whole,
                cwd=Path("/") if isolated else cwd,
                environment=environment,
                stdin=stdin,
                limit=limits.max_output_bytes + (_ENVELOPE_BYTES if result_pipe else 0),
                grace=limits.kill_grace_seconds,
                result_pipe=result_pipe,
                sink=sink,
            )
            if held_by is not None and outcome.ended_by is None:
                return replace(outcome, ended_by=cgroup.met_limit(held_by))
            return outcome
    except (OSError, ValueError) as error:
        if isinstance(error, TimeoutError):
            raise
        reason = error if isinstance(error, OSError) else OSError(None, "an argument cannot be passed")
        raise from_os_error(reason, "cannot start the process") from error


@asynccontextmanager
async def _own_cgroup(limits: ToolLimits) -> AsyncIterator[Path | None]:
    """A cgroup for one call, where they can be made; what is left in it is killed at the end."""
    parent = await asyncio.to_thread(cgroup.place)
    if parent is None:
        yield None
        return
    made = await asyncio.to_thread(
        cgroup.make, parent, limits.memory_bytes, limits.processes, limits.processors
    )
    try:
        yield made
    finally:
        await finish(asyncio.to_thread(cgroup.remove, made))


def _settings(limits: ToolLimits, held_by: Path | None) -> str:
    """As `keeper.read_settings` reads them."""
    settings = {
        "parent": os.getpid(),
        "cgroup": held_by or "",
        "processes": limits.processes,
        "memory_bytes": limits.memory_bytes,
        "cpu_seconds": limits.cpu_seconds,
        "open_files": limits.open_files,
        "spare_first": int(limits.isolated_in is not None),
        "processors": ",".join(map(str, _own_processors(limits.processors))),
    }
    return "\n".join(f"{name}={value}" for name, value in settings.items())


def _own_processors(most: float | None) -> list[int]:
    """Which processors a call keeps to; each call begins at another one. Empty: all."""
    there = sorted(os.sched_getaffinity(0))
    if most is None or most > len(there) - 1:
        return []
    first = next(_TURNS) % len(there)
    return (there[first:] + there[:first])[: math.ceil(most)]


def child_environment(home: Path, limits: ToolLimits, extra: Mapping[str, str] = _NOTHING) -> dict[str, str]:
    """What a child sees of our environment: where programs are, a language, a home. Nothing else."""
    own = {"HOME": str(home)} if limits.isolated_in is None else {"HOME": HOME, "TMPDIR": HOME}
    return {"PATH": search_path(), "LANG": "C.UTF-8", **own, **extra}


def search_path() -> str:
    """Where children look for programs, unless they are told otherwise."""
    return os.environ.get("PATH", _DEFAULT_PATH)


def program_path(name: str, cwd: Path, search_path: str) -> str | None:
    """Where the program of that name is; None when there is none (blocking)."""
    if "/" in name:
        return shutil.which(str(cwd / name))
    return shutil.which(name, path=search_path)


def last_lines(output: bytes) -> str:
    """The last lines, whole ones only: half a line could hold half a secret that nobody recognizes."""
    text = output.decode("utf-8", "replace")
    if len(text) <= _END_CHARACTERS:
        return text
    return text[-_END_CHARACTERS:].partition("\n")[2]
