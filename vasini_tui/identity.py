"""Who acts (design: governance, Identity).

Over ssh it is the login of the session and nobody else; at a local terminal `--as` or the OS user.
"""

from __future__ import annotations

import os
import pwd
import unicodedata
from typing import TYPE_CHECKING

from engine.contracts.actor import Actor
from vasini_tui.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_NAME = 200


def login_name() -> str:
    """The account this process belongs to. Taken from the user id: the environment can say anything."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"


def over_ssh(environ: Mapping[str, str] = os.environ) -> bool:
    """True in a session that came over ssh."""
    return bool(environ.get("SSH_CONNECTION"))


def acting(name: str | None, *, environ: Mapping[str, str] = os.environ, via: str = "cli") -> Actor:
    """The actor of a command. Raises UsageError for `--as` over ssh and for a name nobody could read."""
    if name is None:
        return Actor(name=login_name(), via=via)
    if over_ssh(environ):
        raise UsageError(f"--as is not accepted over ssh: you act as {login_name()}, your ssh login.")
    cleaned = name.strip()
    if not cleaned or len(cleaned) > _MAX_NAME or not _readable(cleaned):
        raise UsageError(
            f"--as needs a name of 1 to {_MAX_NAME} letters, digits, spaces and the signs . _ - @ +"
        )
    return Actor(name=cleaned, via=via)


def _readable(name: str) -> bool:
    # Marks (M*) belong to letters of many scripts; everything invisible or directional is refused.
    return all(char in " ._-@+" or unicodedata.category(char)[0] in "LMN" for char in name)
