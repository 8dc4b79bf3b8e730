"""A program that is spoken with: it reads what it is told, line by line, until it is let go.

It stands below a keeper as every other call does: when its worker dies, it and all that it started end.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import IO, TYPE_CHECKING, Literal

from engine.threads import finish
from engine.tools.process.command_runner import KEEPER, start_group

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from engine.tools.context import ToolLimits
    from engine.tools.process.process_group import Outcome

KEPT_BYTES = 64 * 1024
"""Of each pipe, for words about how it ended."""


class HeldProgram:
    """What a program is told, and how it ends."""

    def __init__(self, transport: asyncio.WriteTransport, ended: asyncio.Task[Outcome]) -> None:
        self._transport = transport
        self.ended = ended
        """Done when all of it is gone. Raises ToolFailure when it could not start."""

    def write(self, data: bytes) -> None:
        """Tell it something; never blocks."""
        if not self._transport.is_closing():
            self._transport.write(data)

    @property
    def unread(self) -> int:
        """Bytes that it has not taken yet, beside what the kernel holds for it."""
        return self._transport.get_write_buffer_size()


class _Heard:
    """Implements `engine.tools.context.OutputSink`."""

    def __init__(self, heard: Callable[[Literal["out", "err"], bytes], None]) -> None:
        self._heard = heard

    def hide(self, strike: Callable[[str], str]) -> None:
        """Whoever hears it strikes by itself."""

    def write(self, stream: Literal["out", "err"], data: bytes) -> None:
        """Pass it on."""
        self._heard(stream, data)


@asynccontextmanager
async def held_program(
    argv: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    limits: ToolLimits,
    heard: Callable[[Literal["out", "err"], bytes], None],
) -> AsyncIterator[HeldProgram]:
    """The program within the context; nothing of it is left after that. `heard` must not block."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    feed, told = os.fdopen(reading, "rb", buffering=0), os.fdopen(writing, "wb", buffering=0)
    transport, _ = await _connected(feed, told)
    ended = asyncio.ensure_future(
        start_group(KEEPER, argv, cwd, environment, limits, feed, sink=_Heard(heard))
    )
    ended.add_done_callback(lambda _: feed.close())  # a pipe that nobody reads tells its writer
    try:
        yield HeldProgram(transport, ended)
    finally:
        if not transport.is_closing():
            transport.abort()
        ended.cancel()
        await finish(asyncio.wait({ended}))


async def _connected(feed: IO[bytes], told: IO[bytes]) -> tuple[asyncio.WriteTransport, asyncio.BaseProtocol]:
    try:
        return await asyncio.get_running_loop().connect_write_pipe(asyncio.BaseProtocol, told)
    except BaseException:
        feed.close()
        told.close()
        raise
