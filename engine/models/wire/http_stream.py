"""One POST whose answer is streamed: each phase within its time, whatever goes wrong a typed failure."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.models.failure import ModelErrorCode, ModelFailure, TimeoutPhase, malformed
from engine.models.wire.pace import Pace
from engine.models.wire.server_errors import (
    failure_in_place_of,
    refused_status,
    request_id_of,
    retry_after_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import httpx

    from engine.models.settings import ModelTimeouts
    from engine.models.wire.connections import Connections
    from engine.models.wire.server_errors import Hide

_ERROR_BODY = 64 * 1024
_CONNECTED = "http11.send_request_headers.started"
"""What httpx traces when there is a connection, TLS included."""
MAX_REPLY = 16 * 1024 * 1024
"""Bytes of one answer as it is sent."""
_TO_THE_END = 0.2
"""Seconds for what a server sends behind its answer; then the connection cannot be used again."""
_BEHIND_THE_REASON = 5.0
"""Seconds for what follows the reason why an answer ended: what was used, and the last mark."""
_WORDS = {
    TimeoutPhase.CONNECT: "no connection",
    TimeoutPhase.FIRST_TOKEN: "no first token",
    TimeoutPhase.BETWEEN_TOKENS: "no further token",
    TimeoutPhase.TOTAL: "no whole answer",
}


class HttpStream:
    """Used once. `request_id` is known when the first bytes are there.

    Set `answered` when the answer is whole: what comes behind it is passed over, so that its connection may
    serve the next question.
    """

    def __init__(
        self,
        *,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        content_type: str,
        timeouts: ModelTimeouts,
        hide: Hide,
        connections: Connections,
    ) -> None:
        self.answered = False
        self._connections = connections
        self.request_id: str | None = None
        self._url = url
        self._headers = {
            **headers,
            "content-type": "application/json",
            "accept": content_type,
            "accept-encoding": "identity",
        }
        self._body = body
        self._content_type = content_type
        self._timeouts = timeouts
        self._hide = hide
        self._loop = asyncio.get_running_loop()
        self._total = self._loop.time() + timeouts.total
        self._phase = TimeoutPhase.CONNECT
        self._until = math.inf
        self._has_reason = False

    def token_came(self) -> None:
        """A piece of the answer is there: from now on the time between tokens counts."""
        self._enter(TimeoutPhase.BETWEEN_TOKENS, self._timeouts.between_tokens)

    def reason_came(self) -> None:
        """The answer is there but for what was used: a server that sends no more is not waited for."""
        if not self._has_reason:
            self._has_reason = True
            self._enter(TimeoutPhase.BETWEEN_TOKENS, min(self._timeouts.between_tokens, _BEHIND_THE_REASON))

    def _enter(self, phase: TimeoutPhase, seconds: float) -> None:
        self._phase = phase
        self._until = self._loop.time() + seconds

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises ModelFailure."""
        httpx = await self._connections.library()
        client = await self._connections.client(tls=self._url.startswith("https:"))
        try:
            response = await self._send(client, httpx.Timeout(None, connect=self._timeouts.connect))
            try:
                await self._require_answer(response)
                async for chunk in self._read(response):
                    yield chunk
            finally:
                await response.aclose()
        except httpx.ConnectTimeout:
            raise self._late(TimeoutPhase.CONNECT) from None
        except TimeoutError:
            over = self._loop.time() >= self._total
            raise self._late(TimeoutPhase.TOTAL if over else self._phase) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            words = self._hide(str(error) or type(error).__name__)[:200]
            message = f"cannot talk to {self._url}: {words}"
            raise ModelFailure(ModelErrorCode.NETWORK_ERROR, message, request_id=self.request_id) from None

    async def _send(self, client: httpx.AsyncClient, connect: httpx.Timeout) -> httpx.Response:
        # httpx closes a socket whose connection it gives up itself; one that is cancelled it leaves open
        async with asyncio.timeout_at(self._limit()) as limit:

            async def connected(event: str, _info: Mapping[str, Any]) -> None:
                if event == _CONNECTED:
                    self._enter(TimeoutPhase.FIRST_TOKEN, self._timeouts.first_token)
                    limit.reschedule(self._limit())

            request = client.build_request(
                "POST",
                self._url,
                content=self._body,
                headers=self._headers,
                timeout=connect,
                extensions={"trace": connected},
            )
            return await client.send(request, stream=True)

    async def _read(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        pieces, pace, size = response.aiter_raw(), Pace(self._loop.time), 0
        while True:
            pace.asks()
            async with asyncio.timeout_at(self._limit()):
                chunk = await anext(pieces, None)
            if chunk is None:
                return
            size += len(chunk)
            if size > MAX_REPLY:
                raise malformed(f"the answer is longer than {MAX_REPLY} bytes")
            yield chunk
            if self.answered:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_TO_THE_END):
                        while await anext(pieces, None) is not None:
                            pass
                return
            await pace.has_read(len(chunk))

    async def _require_answer(self, response: httpx.Response) -> None:
        self.request_id = request_id_of(response.headers, self._hide)
        if response.status_code != 200:
            body = await self._beginning(response)
            raise refused_status(response.status_code, response.headers, body, self._hide)
        found = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if found != self._content_type:
            if found == "application/json":
                told = failure_in_place_of(await self._beginning(response), self._hide)
                if told is not None:
                    told.retry_after = retry_after_of(response.headers)
                    raise told
            shown = self._hide(found)[:100] or "no content type"
            raise malformed(f"the server answered with {shown}, asked for was {self._content_type}")
        packed = response.headers.get("content-encoding", "identity").strip().lower()
        if packed != "identity":
            shown = self._hide(packed)[:100]
            raise malformed(f"the server packed its answer ({shown}), asked for was one that is not")

    async def _beginning(self, response: httpx.Response) -> bytes:
        """As much of a body that is no answer as is looked at."""
        body = bytearray()
        async for chunk in self._read(response):
            body += chunk
            if len(body) > _ERROR_BODY:
                break
        return bytes(body[:_ERROR_BODY])

    def _limit(self) -> float:
        return min(self._until, self._total)

    def _late(self, phase: TimeoutPhase) -> ModelFailure:
        seconds: float = getattr(self._timeouts, phase.value)
        message = f"{_WORDS[phase]} within {seconds:g} s"
        return ModelFailure(ModelErrorCode.TIMEOUT, message, phase=phase, request_id=self.request_id)
