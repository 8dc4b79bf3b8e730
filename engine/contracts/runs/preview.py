"""What a call would do, looked at before it is made."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.contracts.model import Contract


class Preview(Contract):
    """Shown on the approval's card and covered by its digest; secrets in it are references."""

    kind: Literal["diff", "request", "command", "call", "unavailable"] = Field(
        description="What `text` is; `unavailable`: the call could not be made as things stand."
    )
    summary: str = Field(description="One line: what would happen to what.")
    text: str = Field(default="", description="A unified diff, a request as it would be sent, or a command.")
    base: str | None = Field(
        default=None,
        description="Digest (SHA-256) of what it was computed against; None where there was nothing.",
    )
