"""A server's process: below a keeper, in a clean environment, its messages bounded lines over its pipes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.foreign_json import read_foreign
from engine.safe_files.sharing import make_directory
from engine.safe_text import sanitize
from engine.threads import finish
from engine.tools.failure import ToolFailure, not_found
from engine.tools.mcp.lines import MAX_AT_ONCE, TOO_MANY, BoundedLines, Rate
from engine.tools.process.command_runner import child_environment, last_lines, program_path
from engine.tools.process.held_program import held_program
from engine.tools.process.limit_words import met_limit
from engine.tools.secret_references import Redaction, resolve_references

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path
    from typing import Literal

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

    from engine.tools.context import ToolLimits
    from engine.tools.mcp.settings import McpServer
    from engine.tools.process.held_program import HeldProgram
    from engine.tools.process.process_group import Outcome

    Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
    Outgoing = MemoryObjectSendStream[SessionMessage]

_MAX_UNREAD_BYTES = 32 * 1024 * 1024
_LIFETIME_CPU_SECONDS = 10_000_000
_MAX_WORDS = 600
_KEPT_BYTES = 64
_TOO_LONG = -32_000


class ServerProcess:
    """One life of a server. Made by `running`; `ended` tells in words how its process ended."""

    def __init__(
        self, message_bytes: int, put: MemoryObjectSendStream[Any], broken: Callable[[str], None]
    ) -> None:
        self.ended: str | None = None
        self.over = asyncio.Event()
        self._broken = broken
        self._put = put
        self._message_bytes = message_bytes
        self._rate = Rate()
        self._lines = BoundedLines(message_bytes, self._read, self._overlong)

    def hear(self, stream: Literal["out", "err"], data: bytes) -> None:
        """Bytes of its pipes; what it writes is masked where it is shown."""
        if stream == "out" and self.ended is None:
            self._lines.feed(data)

    def end(self, words: str) -> None:
        """Its process has ended: what it sent before still counts."""
        if self.ended is None:
            self.ended = words
        self._put.close()

    def give_up(self, words: str) -> None:
        """It has broken the rules: the connection is ended at once."""
        if self.ended is None:
            self.end(words)
            self._broken(words)

    def _may_speak(self) -> bool:
        if not self._rate.is_kept():
            self.give_up(TOO_MANY)
        return self.ended is None

    def _read(self, line: bytes) -> None:
        if not self._may_speak():
            return
        from mcp.shared.message import SessionMessage  # noqa: PLC0415 - the SDK is an extra
        from mcp_types import jsonrpc_message_adapter  # noqa: PLC0415 - likewise

        try:
            parse = partial(jsonrpc_message_adapter.validate_json, by_name=False)
            message = read_foreign(line, parse)
        except ValueError:  # what is no message is not answered; programs print there, too
            return
        self._deliver(SessionMessage(message))

    def _overlong(self, answers: int | None) -> None:
        words = f"an answer has more than {self._message_bytes} bytes"
        if answers is None:
            self.give_up(words)
            return
        from mcp.shared.message import SessionMessage  # noqa: PLC0415 - see _read
        from mcp_types import ErrorData, JSONRPCError  # noqa: PLC0415 - likewise

        error = ErrorData(code=_TOO_LONG, message=words)
        self._deliver(SessionMessage(JSONRPCError(jsonrpc="2.0", id=answers, error=error)))

    def _deliver(self, message: SessionMessage) -> None:
        import anyio  # noqa: PLC0415 - see _read

        try:
            self._put.send_nowait(message)
        except anyio.WouldBlock:
            self.give_up(f"{MAX_AT_ONCE} of its messages wait to be read")
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            pass


@asynccontextmanager
async def running(
    settings: McpServer,
    folder: Path,
    limits: ToolLimits,
    secrets: Mapping[str, str],
    message_bytes: int,
    broken: Callable[[str], None],
) -> AsyncIterator[tuple[ServerProcess, Incoming, Outgoing]]:
    """The server's process with its messages; all of it is gone when the context is left.

    `folder` is its home; `limits` say what isolates it; `broken` is called when it breaks the rules. Raises
    ToolFailure when it cannot start.
    """
    import anyio  # noqa: PLC0415 - comes with the SDK

    used: set[str] = set()
    given = resolve_references(
        {key: reference(value) for key, value in settings.env.items()}, secrets.get, used
    )
    await asyncio.to_thread(make_directory, folder)
    environment = child_environment(folder, limits, given)
    program = await asyncio.to_thread(program_path, settings.command[0], folder, environment["PATH"])
    if program is None:
        raise not_found(f"there is no program {settings.command[0]!r}")
    arguments = [program, *settings.command[1:]]
    put, incoming = anyio.create_memory_object_stream[Any](MAX_AT_ONCE)
    outgoing, taken = anyio.create_memory_object_stream[Any](0)
    process = ServerProcess(message_bytes, put, broken)
    own = replace(limits, cpu_seconds=_LIFETIME_CPU_SECONDS, max_output_bytes=_KEPT_BYTES)
    async with held_program(arguments, folder, environment, own, process.hear) as held:
        tasks = [
            asyncio.create_task(_watch(process, held, own, used)),
            asyncio.create_task(_send(process, held, taken)),
        ]
        try:
            yield process, incoming, outgoing
        finally:
            for stream in (incoming, put, outgoing, taken):
                stream.close()
            for task in tasks:
                task.cancel()
            await finish(asyncio.wait(tasks))  # also when we are asked to hurry


async def _watch(process: ServerProcess, held: HeldProgram, limits: ToolLimits, used: set[str]) -> None:
    """Tell how it ended, without the secrets that it was given."""
    try:
        process.end(_words_of(await held.ended, limits, used))
    except ToolFailure as failure:
        process.end(failure.message)
    except Exception as error:  # noqa: BLE001 - the edge: whoever waits for it has to be told
        process.end(f"{type(error).__name__}: {error}")
    finally:
        process.over.set()


def _words_of(outcome: Outcome, limits: ToolLimits, used: set[str]) -> str:
    said = Redaction(used).text(last_lines(outcome.ends[1]))
    words = f"it ended with status {outcome.returncode}"
    if outcome.returncode < 0:
        words = f"it was ended by signal {-outcome.returncode}"
    if limit := met_limit(outcome.returncode, outcome.ended_by, said, limits):
        words += f": {limit}"
    wrote = sanitize(said.strip(), limit=_MAX_WORDS)
    return f"{words}; it wrote: {wrote}" if wrote else words


async def _send(
    process: ServerProcess, held: HeldProgram, taken: MemoryObjectReceiveStream[SessionMessage]
) -> None:
    async for message in taken:
        text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
        held.write(text.encode() + b"\n")
        if held.unread > _MAX_UNREAD_BYTES:
            process.give_up("it does not read what it is sent")


def reference(value: Any) -> Any:
    """A value of a setting as a call writes it: a text, or a reference to a secret."""
    return value if isinstance(value, str) else {"$secret": value.secret}
