"""The name of a conversation that may go on over several runs."""

from __future__ import annotations

import re

from engine.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,35}")


def session_named(name: str | None) -> str | None:
    """The same name. Raises InvalidInput for one that is none: letters, digits, `_ . -`, at most 36."""
    if name is not None and _NAME.fullmatch(name) is None:
        message = "the name of a session is made of letters, digits and _ . -, at most 36 of them"
        raise InvalidInput(message, {"field": "session_id"})
    return name
