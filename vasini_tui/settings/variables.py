"""Names of variables in the environment: which of them are settings, and which only look like it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vasini_tui.settings.in_force import GROUPS

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "VASINI_"
DELIMITER = "__"
REFERENCE = "_REF"
_OWN = frozenset({"VASINI_HOME"})
SECRETS = {
    "OPENAI_API_KEY": "openai_api_key",
    "ANTHROPIC_API_KEY": "anthropic_api_key",
    "OPENAI_ORG_ID": "openai_org_id",
}
"""Variables of other programs, and the secrets that they set where models are named."""


def sets_something(environ: Mapping[str, str]) -> bool:
    """Whether any variable is a setting; the case of names does not count, an empty one sets nothing."""
    return any(value and _group(name.upper()) in GROUPS for name, value in environ.items())


def secrets_for_models(environ: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, Any]:
    """Secrets that variables of other programs set: `OPENAI_API_KEY` itself, or `OPENAI_API_KEY_REF`, the
    name of one of the `known` secrets. One whose name there is not sets nothing."""
    found: dict[str, Any] = {}
    for name, secret in SECRETS.items():
        named = known.get(environ.get(name + REFERENCE, "").removeprefix("secrets."))
        value = environ.get(name) or named
        if value:
            found[secret] = value
    return found


def unknown_variables(
    environ: Mapping[str, str] = os.environ, *, own: frozenset[str] = _OWN
) -> tuple[str, ...]:
    """Names that look like ours, are none of our `own`, and set nothing (a misspelled group, for one)."""
    return tuple(
        sorted(
            name
            for name in environ
            if name.startswith(PREFIX) and name not in own and _group(name) not in GROUPS
        )
    )


def _group(name: str) -> str:
    """The group that a variable is of, if it is one of ours."""
    return name.removeprefix(PREFIX).lower().split(DELIMITER)[0] if name.startswith(PREFIX) else ""
