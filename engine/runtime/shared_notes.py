"""What processes note for each other in the journal: an object by a name, with a version of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.errors import ErrorCode, Unavailable

if TYPE_CHECKING:
    from engine.journal.parts.notes import SharedNotes


async def read_notes(notes: SharedNotes, name: str) -> tuple[int, dict[str, Any]]:
    """(version, what was noted); version 0 before it was noted first.

    Raises Unavailable: `journal_corrupt`, with the `version` in its details, for what cannot be read.
    """
    noted = await notes.read(name)
    if noted is None:
        return 0, {}
    version, text = noted
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        words = f"what was noted for {name} cannot be read; `vasini doctor --deep` tells what else is damaged"
        raise Unavailable(ErrorCode.JOURNAL_CORRUPT, words, {"name": name, "version": version})
    return version, found


async def read_or_begin(notes: SharedNotes, name: str) -> tuple[int, dict[str, Any]]:
    """The same; what cannot be read counts as empty, and is noted anew by whoever notes next."""
    try:
        return await read_notes(notes, name)
    except Unavailable as error:
        if error.may_pass or "version" not in error.details:
            raise
        return error.details["version"], {}
