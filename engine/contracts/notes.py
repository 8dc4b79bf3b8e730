"""What the engine keeps for one operator between sessions: saved filters; drafts are plain JSON objects."""

from __future__ import annotations

from pydantic import Field

from engine.contracts.model import Contract


class SavedFilter(Contract):
    """A filter of a list under a name, as it was typed."""

    name: str = Field(min_length=1, max_length=60)
    text: str = Field(max_length=500)
