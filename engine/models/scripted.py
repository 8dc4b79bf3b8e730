"""The scripted model: its answers are written down. For demonstrations and tests; it says so itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.frozen import frozen
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
    from collections.abc import AsyncGenerator

    from engine.models.conversation import Delta, ModelRequest, ToolCall

_PIECE = 24
_ECHO = 200


@frozen
class ScriptedReply:
    """One answer that is written down."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


class ScriptedModel:
    """Gives the one answer that is written down for a question; where there is none it says so."""

    name = SCRIPTED
    model = SCRIPTED

    def __init__(self, script: ScriptedReply | None = None) -> None:
        self._script = script

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        """The answer in small pieces."""
        reply = self._script or _echo(request)
        yield Identified(None, SCRIPTED)
        for start in range(0, len(reply.text), _PIECE):
            yield TextDelta(reply.text[start : start + _PIECE])
        for index, call in enumerate(reply.calls):
            yield CallStarted(index, call.id, call.name)
            yield CallArguments(index, call.arguments)
        yield Finished(FinishReason.TOOL_CALLS if reply.calls else FinishReason.STOP)


SCRIPT_OVER = ScriptedReply("The script has no further answer; no model was asked.")
"""What is said behind the end of a script."""


def _echo(request: ModelRequest) -> ScriptedReply:
    asked = (message for message in request.messages if message.role is MessageRole.USER)
    said = [message.text for message in asked if message.text]
    heard = (said[-1] if said else "")[:_ECHO]
    return ScriptedReply(f"This answer is scripted, no model was asked. You wrote: {heard}")
