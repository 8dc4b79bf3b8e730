"""One agent at work on one prompt: the protocol's handshake, its updates, its questions, its end.

It is offered no files and no terminals of ours: what it does it does itself, in its own process, and asks
before where it asks at all. Only what allows or rejects once is ever chosen; what would hold for later calls,
too, is shown and left alone. A refusal picks a way to reject: `cancelled` would end the whole turn.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError
from pydantic_core import to_json

from engine.acp.calls import MOST_SHOWN, Option, SeenCall, Transcript, first_of_kind, options_of, result_of
from engine.acp.failure import AgentFailure, AgentReason
from engine.acp.peer import NO_METHOD, NO_PARAMS, Peer, Pipe, RequestId
from engine.acp.usage import AgentUsage
from engine.threads import finish

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROTOCOL = 1
OPENING_SECONDS = 120.0
"""How long an agent may take until it has a session."""
MOST_PENDING = 32
MOST_ASKED = 1_000
STOP_SECONDS = 2.0
"""How long an agent may take to end its turn when it is told to."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that an agent wants permission for. `fault` says why nobody is asked."""

    number: int
    kind: str
    shown: dict[str, Any]
    said: str
    fault: str | None


class Image(Protocol):
    """What is shown with a prompt."""

    @property
    def media_type(self) -> str:
        """Such as image/png."""

    @property
    def base64(self) -> str:
        """Its bytes as text."""


@dataclass(slots=True)
class _Open:
    request_id: RequestId
    call: SeenCall
    shown: dict[str, Any]
    allowing: Option | None
    rejecting: Option | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a prompt."""

    text: str
    stop: str


class AgentSession:
    """Speaks with one process. `asked` is told of questions, whose numbers go on from `first`, `shown` of
    lines for people, `waits` of whether it waits for answers; `schema` is the protocol's (`acp.schema`)."""

    def __init__(
        self,
        pipe: Pipe,
        schema: Any,
        first: int,
        asked: Callable[[Question], None],
        shown: Callable[[str], None],
        waits: Callable[[bool], None],
    ) -> None:
        self._schema = schema
        self._number = first
        self._asked = asked
        self._shown = shown
        self._waits = waits
        self._transcript = Transcript()
        self._open: dict[int, _Open] = {}
        self._total = 0
        self._session_id: str | None = None
        self._initialized = self._prompted = self._answered = self._stopping = self._over = False
        self._watched: list[tuple[SeenCall, asyncio.Event]] = []
        self.takes_images = False
        """Whether it says so, once it is open."""
        self.name = ""
        self.used = AgentUsage()
        self.peer = Peer(pipe, self._heard, lambda line: shown(f"{line}\n"))

    async def open(self, cwd: str, known: str | None) -> str:
        """The session's id: `known` again where the agent can load it. Raises AgentFailure."""
        try:
            async with asyncio.timeout(OPENING_SECONDS):
                return await self._opened(cwd, known)
        except TimeoutError:
            message = f"the agent was not ready after {OPENING_SECONDS:g} s"
            raise AgentFailure(AgentReason.TIMEOUT, message) from None

    async def _opened(self, cwd: str, known: str | None) -> str:
        capabilities = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
        told = {
            "protocolVersion": PROTOCOL,
            "clientCapabilities": capabilities,
            "clientInfo": {"name": "vasini", "version": "1"},
        }
        raw = await self.peer.request("initialize", told)
        self._initialized = True
        found = self._read("InitializeResponse", raw)
        if found.protocol_version != PROTOCOL:
            message = f"the agent speaks version {found.protocol_version} of the protocol, not {PROTOCOL}"
            raise AgentFailure(AgentReason.VERSION, message)
        told_of = found.agent_capabilities
        self.takes_images = bool(
            told_of and told_of.prompt_capabilities and told_of.prompt_capabilities.image
        )
        info = found.agent_info
        self.name = f"{info.name} {info.version}"[:200] if info is not None else ""
        where = {"cwd": cwd, "mcpServers": []}
        if known is not None and told_of and told_of.load_session:
            with suppress(AgentFailure):  # the next request tells what is wrong with more than that session
                await self.peer.request("session/load", {**where, "sessionId": known})
                self._session_id = known
                return known
        raw = await self.peer.request("session/new", where)
        self._session_id = str(self._read("NewSessionResponse", raw).session_id)
        return self._session_id

    async def prompt(self, text: str, images: Sequence[Image] = ()) -> Answer:
        """Its answer, once it has ended its turn; `images` are for one that takes some.

        Raises AgentFailure.
        """
        pictures = [{"type": "image", "mimeType": one.media_type, "data": one.base64} for one in images]
        blocks = [*pictures, {"type": "text", "text": text}]
        prompt = {"sessionId": self._session_id, "prompt": blocks}
        turn = asyncio.ensure_future(self.peer.request("session/prompt", prompt, self._hear_answer))
        self._prompted = True
        try:
            await asyncio.wait({turn})
        except asyncio.CancelledError:
            await finish(self._stop(turn))
            raise
        finally:
            self._end()
        told = self._read("PromptResponse", turn.result())
        self.used.answered(told.usage)
        stop = str(told.stop_reason)
        for number in list(self._open):
            self.reject(number)
        if stop != "end_turn":
            raise AgentFailure(AgentReason.STOPPED, f"the agent stopped: {stop}", stop_reason=stop)
        return Answer(self._transcript.take_said(), stop)

    def _hear_answer(self) -> None:
        """Its turn is over: what it asks for from now on nobody is asked."""
        self._answered = True

    async def _stop(self, turn: asyncio.Future[Any]) -> None:
        """Its questions are answered as the protocol wants it, then it has a moment to end its turn."""
        self._stopping = True
        for one in self._open.values():
            self.peer.answer(one.request_id, {"outcome": {"outcome": "cancelled"}})
        self._open.clear()
        self.peer.notify("session/cancel", {"sessionId": self._session_id})
        await asyncio.wait({turn}, timeout=STOP_SECONDS)
        turn.cancel()
        await asyncio.wait({turn})
        if not turn.cancelled():
            turn.exception()

    def _end(self) -> None:
        self._over = True
        for _, over in self._watched:
            over.set()

    def is_pending(self, number: int) -> bool:
        """Whether it waits for the answer to that question."""
        return number in self._open

    @property
    def pending(self) -> list[int]:
        """Numbers of the questions that it waits for."""
        return list(self._open)

    def reject(self, number: int) -> None:
        """It may not do that; it goes on with its turn."""
        one = self._open.pop(number, None)
        if one is None:
            return
        self._waits(bool(self._open))
        if one.rejecting is None:
            self.peer.refuse(one.request_id, NO_PARAMS, "not permitted")
        else:
            self._choose(one, one.rejecting)

    async def allow(self, number: int) -> dict[str, Any]:
        """What came of it, as the agent tells it. Raises AgentFailure when it is not what was asked about, or
        nobody waits for it any more."""
        one = self._open.pop(number, None)
        if one is None or one.allowing is None or self._over:
            raise AgentFailure(AgentReason.ENDED, "the agent does not wait for it any more")
        if one.call.shown(one.allowing, one.shown["never_chosen"]) != one.shown:
            self._open[number] = one
            self.reject(number)
            raise AgentFailure(AgentReason.MALFORMED, "the agent changed the call while it was asked about")
        self._waits(bool(self._open))
        over = asyncio.Event()
        self._watched.append((one.call, over))
        self._choose(one, one.allowing)
        await over.wait()
        if self.peer.failed.done() and not one.call.is_over:
            raise AgentFailure(AgentReason.ENDED, "the agent ended before it said what came of it")
        return result_of(one.call)

    def _choose(self, one: _Open, option: Option) -> None:
        chosen = {"outcome": "selected", "optionId": option.option_id}
        self.peer.answer(one.request_id, {"outcome": chosen})

    def _read(self, kind: str, raw: Any) -> Any:
        try:
            return getattr(self._schema, kind).model_validate(raw)
        except ValidationError as error:
            where = "; ".join(".".join(map(str, one["loc"])) or "the whole" for one in error.errors()[:3])
            message = f"the agent's answer is no {kind}: {where[:300]}"
            raise AgentFailure(AgentReason.MALFORMED, message) from None

    def _heard(self, method: str, params: Any, request_id: RequestId | None) -> None:
        if not self._initialized:
            message = f"the agent spoke before it was spoken to: {method[:80]}"
            self.peer.fail(AgentFailure(AgentReason.SPOKE_FIRST, message))
        elif method == "session/update" and request_id is None:
            self._updated(params)
        elif method == "session/request_permission" and request_id is not None:
            self._permission(params, request_id)
        elif request_id is not None:
            self.peer.refuse(request_id, NO_METHOD, f"not offered: {method[:80]}")

    def _updated(self, params: Any) -> None:
        """Before its prompt an agent tells of earlier ones: that is heard, and shown to nobody."""
        update = params.get("update") if isinstance(params, dict) else None
        if not isinstance(update, dict):
            return
        if update.get("sessionUpdate") == "usage_update":
            self.used.hear(update, prompted=self._prompted)
        if not self._prompted:
            return
        lines = self._transcript.hear(update)
        if lines:
            self._shown(lines)
        for call, over in self._watched:
            if call.is_over:
                over.set()

    def _permission(self, params: Any, request_id: RequestId) -> None:
        told = params.get("toolCall") if isinstance(params, dict) else None
        if not isinstance(told, dict) or not isinstance(told.get("toolCallId"), str):
            self.peer.fail(AgentFailure(AgentReason.MALFORMED, "the agent asks permission for no call"))
            return
        if self._stopping or self._answered or self._over:
            self.peer.answer(request_id, {"outcome": {"outcome": "cancelled"}})
            return
        self._total += 1
        if self._total > MOST_ASKED or len(self._open) >= MOST_PENDING:
            message = f"the agent asks too much: {len(self._open)} at once, {self._total} in all"
            self.peer.fail(AgentFailure(AgentReason.TOO_MANY_ASKED, message))
            return
        twice = any(one.call.call_id == told["toolCallId"] for one in self._open.values())
        call = self._transcript.updated_call(told)
        if call is None:
            self.peer.fail(AgentFailure(AgentReason.FLOOD, "the agent tells of too many calls"))
            return
        options = options_of(params.get("options"))
        allowing, rejecting = first_of_kind(options, "allow_once"), first_of_kind(options, "reject_once")
        always = [one.name for one in options if one not in (allowing, rejecting)]
        shown = call.shown(allowing, always)
        fault = self._fault(call, shown, allowing, twice=twice)
        if fault is not None and len(to_json(shown)) > MOST_SHOWN:
            shown = {"title": shown["title"][:500], "kind": call.kind}
        number, self._number = self._number, self._number + 1
        self._open[number] = _Open(request_id, call, shown, allowing, rejecting)
        self._waits(True)
        self._asked(Question(number, call.kind, shown, self._transcript.take_said(), fault))
        if fault is not None:
            self.reject(number)

    def _fault(
        self, call: SeenCall, shown: dict[str, Any], allowing: Option | None, *, twice: bool
    ) -> str | None:
        """Why nobody can be asked about it."""
        if not self._prompted:
            return "the agent asked before it had a prompt"
        if twice:
            return "the agent asked twice about the same call"
        if allowing is None:
            return "the agent offers no answer that allows it once"
        if not call.has_arguments:
            return "the agent did not say what it would do: no arguments were seen"
        if len(to_json(shown)) > MOST_SHOWN:
            return f"the call is larger than {MOST_SHOWN} bytes: nobody could read what it would do"
        return None
