"""Who answers: a provider streams deltas; one over HTTP does it in a wire format, within times."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from pydantic_core import to_json

from engine.models.conversation import (
    CallArguments,
    CallStarted,
    Carried,
    Identified,
    TextDelta,
    ThoughtDelta,
)
from engine.models.failure import ModelErrorCode, ModelFailure
from engine.models.wire.http_stream import HttpStream
from engine.models.wire.wire_format import WireNames

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from engine.models.conversation import Delta, ModelRequest
    from engine.models.settings import NamedModel
    from engine.models.wire.connections import Connections
    from engine.models.wire.server_errors import Hide
    from engine.models.wire.wire_format import WireFormat

_TOKENS = (TextDelta, ThoughtDelta, CallStarted, CallArguments)
_LONGEST_NAME = 200
_BROKEN = frozenset({ModelErrorCode.NETWORK_ERROR, ModelErrorCode.TIMEOUT})


class Provider(Protocol):
    """Asks one model. `name` is the provider's, `model` what is asked there."""

    name: str
    model: str

    def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        """The answer as it comes; the last delta but usage is Finished. Raises ModelFailure."""


class HttpProvider:
    """A model behind a server. `key` is None when there should be one and is none."""

    def __init__(
        self, named: NamedModel, wire: WireFormat, key: str | None, hide: Hide, connections: Connections
    ) -> None:
        self._connections = connections
        self.name = named.provider.value
        self.model = named.model
        self._named = named
        self._wire = wire
        self._key = key
        self._hide = hide
        self._mark = sha256(f"{self.name} {named.url} {self.model}".encode()).hexdigest()[:16]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        """The answer as it comes. Raises ModelFailure."""
        if self._key is None:
            message = (
                f"there is no secret {self._named.key_name!r} to open {self.name} with; "
                "put it into secrets.yaml, or say `api_key: ''` for a server without keys"
            )
            raise ModelFailure(ModelErrorCode.MISSING_API_KEY, message)
        wire, names = self._wire, WireNames(request.tools)
        if not self._named.temperature:
            request = replace(request, temperature=None)
        request = request.told_by(self._mark)
        frames, reader = wire.frames(), wire.reader(names)
        posted = HttpStream(
            url=self._named.url + wire.path,
            headers=self._headers(self._key),
            body=to_json(wire.body(self.model, request, names)),
            content_type=wire.content_type,
            timeouts=self._named.timeouts,
            hide=self._hide,
            connections=self._connections,
        )
        try:
            async with aclosing(posted.chunks()) as chunks:
                async for chunk in chunks:
                    for frame in frames.feed(chunk):
                        for delta in reader.read(frame):
                            if isinstance(delta, _TOKENS):
                                posted.token_came()
                            yield self._told(delta, posted.request_id)
                    if reader.may_end:
                        posted.reason_came()
                    posted.answered = reader.ended
        except ModelFailure as broken:  # behind a whole answer that spoils nothing
            if not reader.may_end or broken.code not in _BROKEN:
                broken.request_id = broken.request_id or posted.request_id
                raise
        if not (reader.ended or reader.may_end):
            raise ModelFailure(
                ModelErrorCode.NETWORK_ERROR,
                "the connection ended before the answer",
                request_id=posted.request_id,
            )

    def _headers(self, key: str) -> dict[str, str]:
        """Those of the format. What no header can hold is told in our words: a library's would quote it."""
        headers = self._wire.headers(key)
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            message = (
                f"the secret {self._named.key_name!r}, or the organization, holds a line end, or letters "
                "that no header can hold; put it into secrets.yaml as it is"
            )
            raise ModelFailure(ModelErrorCode.AUTH_ERROR, message)
        return headers

    def _name(self, told: str | None) -> str | None:
        """What a server calls something: kept and shown, so without our key, and no text without end."""
        return self._hide(told)[:_LONGEST_NAME] if told is not None else None

    def _told(self, delta: Delta, request_id: str | None) -> Delta:
        """The id that stands in a header is told before another; what is carried says whose it is."""
        if isinstance(delta, Identified):
            return Identified(request_id or self._name(delta.request_id), self._name(delta.model))
        return replace(delta, of=self._mark) if isinstance(delta, Carried) else delta
