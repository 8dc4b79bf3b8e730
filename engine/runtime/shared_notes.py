"""What processes note for each other in the journal: an object by a name, with a version of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.journal.parts.notes import SharedNotes


async def read_notes(notes: SharedNotes, name: str) -> tuple[int, dict[str, Any]]:
    """(version, what was noted); version 0 before it was noted first."""
    noted = await notes.read(name)
    if noted is None:
        return 0, {}
    version, text = noted
    return version, json.loads(text)
