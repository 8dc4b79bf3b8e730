"""Names of variables in the environment: which of them are settings, and which only look like it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vasini_tui.settings.in_force import GROUPS

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "VASINI_"
DELIMITER = "__"
_OWN = frozenset({"VASINI_HOME"})


def sets_something() -> bool:
    """Whether any variable is a setting; the case of names does not count, an empty one sets nothing."""
    return any(value and _group(name.upper()) in GROUPS for name, value in os.environ.items())


def unknown_variables(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Names that look like ours in the environment and set nothing (a misspelled group, for one)."""
    return tuple(
        sorted(
            name
            for name in environ
            if name.startswith(PREFIX) and name not in _OWN and _group(name) not in GROUPS
        )
    )


def _group(name: str) -> str:
    """The group that a variable is of, if it is one of ours."""
    return name.removeprefix(PREFIX).lower().split(DELIMITER)[0] if name.startswith(PREFIX) else ""
