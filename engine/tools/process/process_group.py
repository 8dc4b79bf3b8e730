"""A child process in a session of its own, ended together with everything it started.

The leader is not reaped before its group got SIGKILL: until then its process id, which is the group's
id, cannot be given to anybody else, so a signal never hits a stranger.
What leaves the group on purpose (setsid) is out of reach: only a cgroup could hold it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engine.tools.process.threads import finish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DRAIN_SECONDS = 1.0
_GONE_SECONDS = 2.0
_GONE_POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the leader ended (negative: by a signal) and the first bytes of each pipe."""

    returncode: int
    outputs: tuple[bytes, ...]
    truncated: bool


class BoundedOutput(asyncio.Protocol):
    """Keeps the first `limit` bytes of a pipe and reads the rest away, so that the writer never hangs."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.content = bytearray()
        self.truncated = False
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Bytes from the pipe."""
        room = self._limit - len(self.content)
        self.content += data[:room]
        if len(data) > room:
            self.truncated = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Every writer is gone, or the reader was closed."""
        self.closed.set()


class ProcessGroup:
    """One child. Use `run`; the object lives for one call."""

    def __init__(self, process: subprocess.Popen[bytes], pipes: Sequence[IO[bytes]], limit: int) -> None:
        self._process = process
        self._pipes = pipes
        self._outputs = [BoundedOutput(limit) for _ in pipes]
        self._exited = asyncio.Event()
        self._transports: list[asyncio.ReadTransport] = []

    @classmethod
    async def run(
        cls,
        argv: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        stdin: bytes,
        limit: int,
        grace: float,
        result_pipe: bool = False,
    ) -> Outcome:
        """Run to the end; when cancelled, end the group (SIGTERM, `grace` seconds, SIGKILL) first.

        `limit` bounds each output in memory. With `result_pipe` the child finds a third pipe at the
        descriptor named in the environment variable RESULT_FD. Raises OSError when it cannot start.
        """
        with contextlib.ExitStack() as files:
            feed = files.enter_context(await asyncio.to_thread(_filled, stdin))
            extra: list[IO[bytes]] = []
            variables = dict(environment)
            passed: tuple[int, ...] = ()
            if result_pipe:
                reading, writing = os.pipe()
                extra = [os.fdopen(reading, "rb", buffering=0)]
                files.enter_context(os.fdopen(writing, "wb", buffering=0))
                passed = (writing,)
                variables["RESULT_FD"] = str(writing)
            try:
                process = subprocess.Popen(  # noqa: ASYNC220 - asyncio starts its children the same way
                    argv,
                    cwd=cwd,
                    env=variables,
                    stdin=feed,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                    pass_fds=passed,
                    bufsize=0,
                )
            except BaseException:
                for pipe in extra:
                    pipe.close()
                raise
        assert process.stdout is not None
        assert process.stderr is not None
        return await cls(process, [process.stdout, process.stderr, *extra], limit).attend(grace)

    async def attend(self, grace: float) -> Outcome:
        """Wait for the leader, then end whatever is left; when cancelled, ask first."""
        loop = asyncio.get_running_loop()
        pidfd = os.pidfd_open(self._process.pid)
        try:
            loop.add_reader(pidfd, self._exited.set)
            for pipe, output in zip(self._pipes, self._outputs, strict=True):
                await self._connect(pipe, output)
            await self._exited.wait()
        except BaseException:
            await finish(self._stop(grace))
            raise
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            await finish(self._end())
        return Outcome(
            self._process.returncode,
            tuple(bytes(output.content) for output in self._outputs),
            any(output.truncated for output in self._outputs),
        )

    async def _connect(self, pipe: IO[bytes], output: BoundedOutput) -> None:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: output, pipe)
        self._transports.append(transport)

    async def _stop(self, grace: float) -> None:
        """Ask the group to end. It did when the leader is gone and nobody holds the pipes."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._exited.wait()
                await self._drained()

    async def _end(self) -> None:
        """Nothing of the group is left after this; the leader is reaped last."""
        self._signal(signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._drained()
        for transport in self._transports:
            transport.close()
        for pipe in self._pipes:  # also those a failure kept from getting a transport
            pipe.close()
        await asyncio.to_thread(self._process.wait)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GONE_SECONDS):
                # the kernel tells nobody when a group is empty
                while await asyncio.to_thread(_has_members, self._process.pid):  # noqa: ASYNC110
                    await asyncio.sleep(_GONE_POLL_SECONDS)

    async def _drained(self) -> None:
        for output in self._outputs[: len(self._transports)]:
            await output.closed.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _has_members(group: int) -> bool:
    """Whether a process of the group still lives; one that only waits to be reaped by init does not."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # after the name in parentheses, which may hold anything: state, parent, process group
            state, _, member_of = (entry / "stat").read_bytes().rpartition(b")")[2].split()[:3]
        except (OSError, ValueError):  # it ended while we looked
            continue
        if int(member_of) == group and state not in (b"Z", b"X"):
            return True
    return False


def _filled(content: bytes) -> IO[bytes]:
    """An unnamed file in memory to read `content` from: unlike a pipe it needs nobody to feed it."""
    file = os.fdopen(os.memfd_create("stdin"), "w+b")
    file.write(content)
    file.flush()
    file.seek(0)
    return file
