"""The other end of a pipe that speaks JSON-RPC, one message a line: bounded, and never trusted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from pydantic_core import from_json, to_json

from engine.acp.failure import AgentFailure, AgentReason
from engine.foreign_json import read_foreign

_AUTH = -32000
"""The code with which an agent wants somebody to log in first."""
LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of one message."""
MOST_BYTES = 256 * 1024 * 1024
"""Bytes of all messages of one process."""
MOST_MESSAGES = 200_000
MOST_NOISE = 100
"""Lines that are no message at all, as a program may write by mistake."""
MOST_UNREAD = 4 * 1024 * 1024
"""Bytes that the program has not read."""
NO_METHOD, NO_PARAMS = -32601, -32602

RequestId = int | str


class Pipe(Protocol):
    """Takes lines for the program."""

    def write(self, data: bytes) -> None:
        """Must not block."""
        ...

    @property
    def unread(self) -> int:
        """Bytes that wait."""
        ...


Heard = Callable[[str, Any, RequestId | None], None]


class Peer:
    """Requests and answers, both ways. `heard` is told of requests (with their id) and notifications;
    `noise` of lines that are neither. What breaks the protocol is the result of `failed`."""

    def __init__(self, pipe: Pipe, heard: Heard, noise: Callable[[str], None]) -> None:
        self._pipe = pipe
        self._heard = heard
        self._noise = noise
        self._rest = bytearray()
        self._bytes = self._messages = self._noisy = 0
        self._ids = 0
        self._waiting: dict[int, tuple[asyncio.Future[Any], Callable[[], None]]] = {}
        self._asked: set[RequestId] = set()
        self.failed: asyncio.Future[AgentFailure] = asyncio.get_running_loop().create_future()

    def feed(self, data: bytes) -> None:
        """What the program wrote."""
        if self.failed.done():
            return
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            self.fail(AgentFailure(AgentReason.FLOOD, f"the agent wrote more than {MOST_BYTES} bytes"))
            return
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole = bytes(self._rest) + line
            self._rest.clear()
            try:
                self._take(whole)
            except Exception as error:  # noqa: BLE001 - nothing an agent writes may end more than its prompt
                message = f"the agent wrote what cannot be read: {type(error).__name__}"
                self.fail(AgentFailure(AgentReason.MALFORMED, message))
            if self.failed.done():
                return
        self._rest += rest
        if len(self._rest) > LONGEST_LINE:
            self._too_long()

    async def request(
        self, method: str, params: dict[str, Any], answered: Callable[[], None] = lambda: None
    ) -> Any:
        """What the program answers; `answered` is called before anything that it says later is heard.

        Raises AgentFailure.
        """
        self._ids += 1
        number = self._ids
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = (future, answered)
        try:
            self._send({"id": number, "method": method, "params": params})
            await asyncio.wait({future, self.failed}, return_when=asyncio.FIRST_COMPLETED)
            if future.done():
                return future.result()
            raise self.failed.result()
        finally:
            del self._waiting[number]
            future.cancel()

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Something that needs no answer."""
        self._send({"method": method, "params": params})

    def answer(self, request_id: RequestId, result: dict[str, Any]) -> None:
        """The answer to a request of the program."""
        self._asked.discard(request_id)
        self._send({"id": request_id, "result": result})

    def refuse(self, request_id: RequestId, code: int, message: str) -> None:
        """That a request of the program is not granted."""
        self._asked.discard(request_id)
        self._send({"id": request_id, "error": {"code": code, "message": message}})

    def fail(self, failure: AgentFailure) -> None:
        """Nothing more is heard or said."""
        if not self.failed.done():
            self.failed.set_result(failure)

    def _send(self, message: dict[str, Any]) -> None:
        if self.failed.done():
            return
        if self._pipe.unread > MOST_UNREAD:
            self.fail(AgentFailure(AgentReason.NOT_READING, "the agent does not read what it is told"))
            return
        self._pipe.write(to_json({"jsonrpc": "2.0", **message}) + b"\n")

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        self._messages += 1
        if self._messages > MOST_MESSAGES:
            self.fail(AgentFailure(AgentReason.FLOOD, f"the agent wrote more than {MOST_MESSAGES} messages"))
        elif len(line) > LONGEST_LINE:
            self._too_long()
        else:
            message = _parsed(line)
            if message is None:
                self._hear_noise(line)
            elif isinstance(message.get("method"), str):
                self._hear(message)
            else:
                self._answered(message)

    def _hear(self, message: dict[str, Any]) -> None:
        request_id = message.get("id")
        if request_id is not None:
            if not isinstance(request_id, int | str) or len(str(request_id)) > 200:
                self.fail(AgentFailure(AgentReason.MALFORMED, "the agent asks with an id that is none"))
                return
            if request_id in self._asked:
                self.fail(AgentFailure(AgentReason.ASKED_TWICE, "the agent asks twice with the same id"))
                return
            self._asked.add(request_id)
        self._heard(message["method"], message.get("params"), request_id)

    def _answered(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        waiting = self._waiting.get(number) if isinstance(number, int) else None
        if waiting is None or waiting[0].done():
            return
        future, answered = waiting
        answered()
        error = message.get("error")
        if isinstance(error, dict):
            future.set_exception(_refusal(error))
        else:
            future.set_result(message.get("result"))

    def _hear_noise(self, line: bytes) -> None:
        self._noisy += 1
        text = line[:1_000].decode("utf-8", "replace")
        if self._noisy > MOST_NOISE:
            self.fail(AgentFailure(AgentReason.MALFORMED, f"the agent writes no JSON-RPC: {text[:200]}"))
        else:
            self._noise(text)

    def _too_long(self) -> None:
        message = f"the agent wrote a line of more than {LONGEST_LINE} bytes"
        self.fail(AgentFailure(AgentReason.LINE_TOO_LONG, message))


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        value = read_foreign(line, partial(from_json, allow_inf_nan=False))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _refusal(error: dict[str, Any]) -> AgentFailure:
    code = error.get("code") if isinstance(error.get("code"), int) else 0
    words = str(error.get("message"))[:1_000]
    if code == _AUTH and "auth" in words.casefold():
        message = f"the agent wants to be logged in: {words}; give it a key (agents.acp.<name>.env)"
        return AgentFailure(AgentReason.AUTH_REQUIRED, message, code=code)
    return AgentFailure(AgentReason.REFUSED, f"the agent answered with an error: {words}", code=code)
