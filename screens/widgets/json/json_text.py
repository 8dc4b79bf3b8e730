"""JSON values as indented text for a screen, and whether they hide anything."""

from __future__ import annotations

import json
from typing import Any

from engine.safe_text import SafeText, has_hidden, sanitize

SHOWN_CHARACTERS = 20_000


def json_text(value: Any) -> SafeText:
    """Indented JSON, cut at `SHOWN_CHARACTERS` with a note of how much is missing."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if len(text) > SHOWN_CHARACTERS:
        missing = len(text) - SHOWN_CHARACTERS
        text = f"{text[:SHOWN_CHARACTERS]}\n… {missing} more characters: vasini show RUN --json"
    return sanitize(text, multiline=True, limit=len(text))


def brief_json(value: Any) -> str:
    """One line of JSON for a list."""
    return json.dumps(value, ensure_ascii=False, default=str)


def hides_something(value: Any) -> bool:
    """Whether a string anywhere in the value, keys included, holds hidden characters."""
    if isinstance(value, str):
        return has_hidden(value)
    if isinstance(value, dict):
        return any(hides_something(key) or hides_something(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return any(hides_something(item) for item in value)
    return False
