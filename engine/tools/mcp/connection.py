"""One server, from this process: started when it is first needed, listed, and started again when it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from engine.contracts.status import StepErrorCode
from engine.safe_text import sanitize
from engine.tools.failure import ToolFailure
from engine.tools.mcp import results
from engine.tools.mcp.listing import Listing, listing_of
from engine.tools.mcp.session import answers, ask_tools, call_tool, greeted, opened_session
from engine.tools.mcp.transport import last_words, load_sdk, opened_transport, secrets_of
from engine.tools.secret_references import Redaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.client.session import ClientSession

    from engine.tools.context import OutputSink
    from engine.tools.mcp.listing import ListedTool
    from engine.tools.mcp.process import ServerProcess
    from engine.tools.mcp.settings import McpServer
    from engine.tools.mcp.transport import Surroundings

logger = logging.getLogger(__name__)

_RELIST_SECONDS = 1.0
_MAX_WORDS = 900


class State(StrEnum):
    """What a server is up to, as far as this process knows."""

    UNASKED = "unasked"
    READY = "ready"
    FAILED = "failed"


class Connection:
    """A server by its settings. `told` is called whenever its state or its listing changes."""

    def __init__(
        self,
        name: str,
        settings: McpServer,
        around: Surroundings,
        told: Callable[[Connection], Awaitable[None]],
    ) -> None:
        self.name, self.settings = name, settings
        self.state, self.error = State.UNASKED, ""
        self.listing, self.program = Listing(), ""
        self._around, self._told = around, told
        self._strike = Redaction(set(secrets_of(settings, around.secrets).values()))
        self._session: ClientSession | None = None
        self._wanted, self._changed, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._ended = asyncio.Event()
        self._listing = asyncio.Lock()
        self._begun = self._over = self._failures = 0
        self._not_before = 0.0
        self._calls = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._stale = self._doubtful = self._hung = self._gone = False

    @property
    def calls(self) -> int:
        """How many calls are under way."""
        return self._calls

    async def serve(self) -> None:
        """Work until cancelled; when nobody has asked for the server it is not started."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                self._begun += 1
                try:
                    await self._one_life()
                except Exception as error:  # noqa: BLE001 - the edge: whatever a server does is its state
                    self._fail(_words(error))
                finally:
                    self._session = None
                self._over = self._begun
                await self._told(self)
                self._settle()
        finally:  # whoever waits for a change would wait for ever
            self._gone = True
            self._settle()

    async def ready(self) -> None:
        """Return when the server can be called. Raises ToolFailure (backend_error)."""
        asked_for = self._begun + 1
        while self._session is None:
            if self._gone:
                raise self._failure("it is declared otherwise now, or nothing is called here any more")
            if self.state is State.FAILED and time.monotonic() < self._not_before:
                raise self._failure()
            changed = self._changed
            self._wanted.set()
            await changed.wait()
            if self.state is State.FAILED and self._over >= asked_for:
                raise self._failure()
        if self._doubtful:
            await self._require_alive()
        if self._stale:
            await self.relist()

    async def relist(self) -> None:
        """Ask again what it offers. Raises ToolFailure."""
        if self._session is None:
            await self.ready()
        async with self._listing:
            session = self._session
            if session is None:
                raise self._failure()
            self._stale = False
            before = self.listing
            try:
                async with asyncio.timeout(self.settings.start_seconds):
                    self.listing = await self._listed(session)
            except BaseException as error:
                self._stale = True  # what it listed before is not what it offers
                if isinstance(error, TimeoutError):
                    raise self._failure("it does not list its tools") from error
                raise
        if self.listing != before:
            await self._told(self)

    async def call(
        self, tool: ListedTool, arguments: dict[str, Any], output: OutputSink | None
    ) -> dict[str, Any]:
        """Call a tool of the listing. A cancelled call is cancelled there, too. Raises ToolFailure."""
        session = self._session
        if session is None:
            raise self._failure()
        self._calls += 1
        self._quiet.clear()
        try:
            struck = _Struck(output, self._strike.text) if output is not None else None
            content, structured, failed = await call_tool(session, tool.remote_name, arguments, struck)
            content, structured = self._strike.value(content), self._strike.value(structured)
        except ToolFailure as failure:
            failure.message = self._strike.text(failure.message)
            if failure.details.get("reason") == "server_ended":
                await self._lost(session)
                raise self._failure() from failure
            raise
        except asyncio.CancelledError:
            self._doubtful = True  # too late, or not wanted any more: it may hang
            raise
        finally:
            self._calls -= 1
            if not self._calls:
                self._quiet.set()
        self._failures = 0
        if failed:
            raise results.tool_failed(tool.spec.name, content)
        return results.output_of(content, structured)

    async def drained(self, seconds: float) -> None:
        """Return when no call is under way, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            logger.warning("calls of the MCP server %s are stopped: its settings changed", self.name)

    async def _require_alive(self) -> None:
        """A server that answers nothing at all is ended. Raises ToolFailure."""
        session, self._doubtful = self._session, False
        if session is None:
            return
        try:
            async with asyncio.timeout(self._around.answer_seconds):
                await answers(session)
        except TimeoutError as error:
            self._hung = True
            await self._lost(session)
            raise self._failure() from error

    async def _one_life(self) -> None:
        await asyncio.to_thread(load_sdk)
        async with AsyncExitStack() as life:
            async with asyncio.timeout(self.settings.start_seconds):
                ended, said = asyncio.Event(), list[str]()

                def broken(words: str) -> None:
                    said.append(words)
                    ended.set()

                process, incoming, outgoing = await life.enter_async_context(
                    opened_transport(self.name, self.settings, self._around, broken)
                )
                self._news.clear()
                try:
                    session = await life.enter_async_context(
                        opened_session(incoming, outgoing, self._heard, ended.set)
                    )
                    self.program = self._strike.text(await greeted(session))
                    self.listing = await self._listed(session)
                except ToolFailure as failure:
                    await last_words(process)
                    raise _started_badly(failure, process) from failure
            self._session, self.state, self.error = session, State.READY, ""
            logger.info("the MCP server %s can be called: %d tools", self.name, len(self.listing.tools))
            self._stale = self._doubtful = self._hung = False
            self._ended = ended
            self._wanted.clear()
            await self._told(self)
            self._settle()
            await self._until(ended)
            await last_words(process)
            words = "it does not answer" if self._hung else "".join(said[:1]) or "the connection ended"
            self._fail(process.ended if process is not None and process.ended else words)

    async def _until(self, ended: asyncio.Event) -> None:
        """Keep the listing fresh until the session has ended."""
        async with asyncio.TaskGroup() as tasks:
            fresh = tasks.create_task(self._kept_fresh())
            await ended.wait()
            fresh.cancel()

    async def _kept_fresh(self) -> None:
        """Ask again what it offers whenever it says that this has changed."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.relist()
            except ToolFailure as failure:
                logger.warning("the MCP server %s: %s", self.name, failure.message)
            await asyncio.sleep(_RELIST_SECONDS)

    async def _listed(self, session: ClientSession) -> Listing:
        strike = self._strike
        try:
            offered = await ask_tools(session)
        except ToolFailure as failure:
            failure.message = strike.text(failure.message)
            raise
        found = [
            replace(tool, description=strike.text(tool.description), schema=strike.value(dict(tool.schema)))
            for tool in offered
        ]
        return listing_of(self.name, self.settings, found)

    def _heard(self) -> None:
        """It says that its tools have changed."""
        self._stale = True
        self._news.set()

    async def _lost(self, session: ClientSession) -> None:
        """A call found that the connection is gone: wait until that is known in words."""
        if self._session is session:
            changed = self._changed
            self._ended.set()
            await changed.wait()

    def _fail(self, words: str) -> None:
        first, most = self._around.backoff_seconds
        self._failures += 1
        pause = min(most, first * 2.0 ** min(self._failures - 2, 30)) if self._failures > 1 else 0.0
        self._not_before = time.monotonic() + pause
        self._session = None
        self.state, self.error = State.FAILED, sanitize(self._strike.text(words), limit=_MAX_WORDS)
        logger.warning("the MCP server %s: %s", self.name, self.error)

    def _settle(self) -> None:
        """Wake whoever waits for a change of state."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _failure(self, words: str = "") -> ToolFailure:
        words = words or self.error or "it is not started"
        return ToolFailure(
            StepErrorCode.BACKEND_ERROR,
            f"the MCP server {self.name} cannot be used: {words}",
            recoverable=True,
            details={"server": self.name, "reason": "server_failed"},
        )


class _Struck:
    """Output of a call without the secrets of its server."""

    def __init__(self, output: OutputSink, strike: Callable[[str], str]) -> None:
        self._output = output
        self._text = strike

    def hide(self, strike: Callable[[str], str]) -> None:
        """See OutputSink."""
        self._output.hide(strike)

    def write(self, stream: Literal["out", "err"], data: bytes) -> None:
        """See OutputSink: whole lines only."""
        self._output.write(stream, self._text(data.decode("utf-8", "replace")).encode("utf-8", "replace"))


def _started_badly(failure: ToolFailure, process: ServerProcess | None) -> ToolFailure:
    """The end of its process says more than that nothing came."""
    if process is not None and process.ended:
        return ToolFailure(failure.code, process.ended)
    return failure


def _words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ToolFailure):
        return error.message
    if isinstance(error, TimeoutError):
        return "it did not answer in time (start_seconds)"
    return f"{type(error).__name__}: {error}"
