"""A child process below a keeper, ended together with everything it started.

The child is the keeper of the call (`keeper.py`): asked to end it passes SIGTERM on, told to end it kills
all that lives below it, and it is gone only after that. It is not reaped before, so a signal to its
process id never hits a stranger.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import IO, TYPE_CHECKING

from engine.threads import finish
from engine.tools.process.keeper import END_NOW, REPORT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from engine.tools.context import OutputSink

_DRAIN_SECONDS = 1.0
_KEEPER_SECONDS = 5.0
_END_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the call ended (negative: by a signal), the first bytes of each pipe and the last.

    `ended_by` names the limit at which the keeper ended it.
    """

    returncode: int
    outputs: tuple[bytes, ...]
    ends: tuple[bytes, ...]
    truncated: bool
    ended_by: str | None


class BoundedOutput(asyncio.Protocol):
    """Keeps the first `limit` bytes of a pipe and the last 16 kB; reads all, so no writer hangs."""

    def __init__(self, limit: int, tell: Callable[[bytes], None] | None = None) -> None:
        self._limit = limit
        self._tell = tell
        self._last = bytearray()
        self.content = bytearray()
        self.truncated = False
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Bytes from the pipe."""
        if self._tell is not None:
            self._tell(data)
        room = self._limit - len(self.content)
        self.content += data[:room]
        if len(data) > room:
            self.truncated = True
            self._last += data[room:][-_END_BYTES:]
            del self._last[:-_END_BYTES]

    @property
    def end(self) -> bytes:
        """The last bytes, at most 16 kB."""
        return bytes((self.content[-_END_BYTES:] + self._last)[-_END_BYTES:])

    def connection_lost(self, exc: Exception | None) -> None:
        """Every writer is gone, or the reader was closed."""
        self.closed.set()


class ProcessGroup:
    """One child. Use `run`; the object lives for one call."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        pipes: Sequence[IO[bytes]],
        limit: int,
        sink: OutputSink | None = None,
    ) -> None:
        self._process = process
        self._pipes = pipes
        tellers = () if sink is None else (partial(sink.write, "out"), partial(sink.write, "err"))
        self._outputs = [BoundedOutput(limit, tell) for tell, _ in zip_longest(tellers, pipes)]
        self._exited = asyncio.Event()
        self._transports: list[asyncio.ReadTransport] = []

    @classmethod
    async def run(
        cls,
        argv: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        stdin: bytes | IO[bytes],
        limit: int,
        grace: float,
        result_pipe: bool = False,
        sink: OutputSink | None = None,
    ) -> Outcome:
        """Run to the end; when cancelled, end it (SIGTERM, `grace` seconds, SIGKILL) first.

        `argv` starts with a program that confines itself. `stdin` is what it reads, or an open file that is
        closed here. `limit` bounds each output in memory. With
        `result_pipe` the child finds a third pipe at the descriptor named in the environment variable
        RESULT_FD. Raises OSError when it cannot start.
        """
        with contextlib.ExitStack() as files:
            feed = files.enter_context(
                await asyncio.to_thread(_filled, stdin) if isinstance(stdin, bytes) else stdin
            )
            extra: list[IO[bytes]] = []
            variables = dict(environment)
            passed: list[int] = []
            for variable in (*(["RESULT_FD"] if result_pipe else []), REPORT_VARIABLE):
                reading, writing = os.pipe()
                extra.append(os.fdopen(reading, "rb", buffering=0))
                files.enter_context(os.fdopen(writing, "wb", buffering=0))
                passed.append(writing)
                variables[variable] = str(writing)
            try:
                process = _started(argv, cwd, variables, feed, passed)
            except BaseException:
                for pipe in extra:
                    pipe.close()
                raise
        assert process.stdout is not None
        assert process.stderr is not None
        return await cls(process, [process.stdout, process.stderr, *extra], limit, sink).attend(grace)

    async def attend(self, grace: float) -> Outcome:
        """Wait for the keeper, which ends last; when cancelled, ask first."""
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
        *outputs, report = self._outputs
        return Outcome(
            self._process.returncode,
            tuple(bytes(output.content) for output in outputs),
            tuple(output.end for output in outputs),
            any(output.truncated for output in outputs),
            _ended_by(bytes(report.content)),
        )

    async def _connect(self, pipe: IO[bytes], output: BoundedOutput) -> None:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: output, pipe)
        self._transports.append(transport)

    async def _stop(self, grace: float) -> None:
        """Ask the call to end, and tell it after `grace` seconds."""
        self._signal(signal.SIGTERM)
        for number, seconds in ((END_NOW, grace), (signal.SIGKILL, _KEEPER_SECONDS)):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._exited.wait()
                    return
            self._signal(number)

    async def _end(self) -> None:
        """Reap the keeper; nothing that it kept is left after this."""
        if not self._exited.is_set():
            self._signal(END_NOW)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._drained()
        for transport in self._transports:
            transport.close()
        for pipe in self._pipes:  # also those a failure kept from getting a transport
            pipe.close()
        await asyncio.to_thread(self._process.wait)

    async def _drained(self) -> None:
        for output in self._outputs[: len(self._transports)]:
            await output.closed.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._process.pid, number)


def _started(
    argv: Sequence[str], cwd: Path, variables: Mapping[str, str], feed: IO[bytes], passed: Sequence[int]
) -> subprocess.Popen[bytes]:
    """The keeper, at the head of a session of its own. The loop waits for its exec, as it does in asyncio.
    Raises OSError."""
    return subprocess.Popen(
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


def _ended_by(report: bytes) -> str | None:
    """What the keeper said; the work below it cannot write there."""
    return report.decode("ascii") or None


def _filled(content: bytes) -> IO[bytes]:
    """An unnamed file in memory to read `content` from: unlike a pipe it needs nobody to feed it."""
    file = os.fdopen(os.memfd_create("stdin"), "w+b")
    file.write(content)
    file.flush()
    file.seek(0)
    return file
