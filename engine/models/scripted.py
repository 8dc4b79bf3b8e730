"""The scripted model: its answers are written down. For demonstrations and tests; it says so itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.models.conversation import (
    CallArguments,
    CallStarted,
    Finished,
    FinishReason,
    Identified,
    MessageRole,
    TextDelta,
)
from engine.models.settings import SCRIPTED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from engine.models.conversation import Delta, ModelRequest, ToolCall

_PIECE = 24
_ECHO = 200


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """One answer that is written down."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


class ScriptedModel:
    """Gives the answers of a script in their order; which one is next is told by the conversation alone.

    The n-th question of a conversation has the n-th answer, whoever asks it and how often. Behind the end of
    the script it says that nothing more is written down.
    """

    name = SCRIPTED
    model = SCRIPTED

    def __init__(self, script: Sequence[ScriptedReply] = ()) -> None:
        self._script = tuple(script)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        """The answer in small pieces."""
        reply = self._reply(request)
        yield Identified(None, SCRIPTED)
        for start in range(0, len(reply.text), _PIECE):
            yield TextDelta(reply.text[start : start + _PIECE])
        for index, call in enumerate(reply.calls):
            yield CallStarted(index, call.id, call.name)
            yield CallArguments(index, call.arguments)
        yield Finished(FinishReason.TOOL_CALLS if reply.calls else FinishReason.STOP)

    def _reply(self, request: ModelRequest) -> ScriptedReply:
        given = sum(1 for message in request.messages if message.role is MessageRole.ASSISTANT)
        if given < len(self._script):
            return self._script[given]
        if self._script:
            return ScriptedReply("The script has no further answer; no model was asked.")
        said = [message.text for message in request.messages if message.role is MessageRole.USER]
        heard = (said[-1] if said else "")[:_ECHO]
        return ScriptedReply(f"This answer is scripted, no model was asked. You wrote: {heard}")
