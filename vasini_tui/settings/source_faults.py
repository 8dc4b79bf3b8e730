"""What is wrong in one source of settings, in words: where, which key, what is known there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from engine.budget.settings import ModelPrice
from engine.contracts.actor import Operator
from engine.governance.policies import Policies
from engine.models.settings import NamedModel
from engine.tools.mcp.settings import VALUE_MARKS, McpServer, SecretReference
from engine.tools.remote.settings import RemoteTool
from vasini_tui.settings.config_content import config_error
from vasini_tui.settings.in_force import GROUPS, kind_of, names_of
from vasini_tui.settings.variables import DELIMITER, PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.errors import VasiniError
    from vasini_tui.settings.config_content import ConfigFile, KeyPath

_BY_NAME: Mapping[str, type] = {
    "operators": Operator,
    "named": NamedModel,
    "prices": ModelPrice,
    "servers": McpServer,
    "remote": RemoteTool,
    "headers": SecretReference,
    "env": SecretReference,
}
"""What stands under each name of a mapping."""
_MARKS = frozenset({"[key]", *VALUE_MARKS})
_UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})


def source_invalid(source: str, faults: Iterable[Mapping[str, Any]], file: ConfigFile | None) -> VasiniError:
    """The error for what `read_groups` found in a source; `file` is None for the environment."""
    problems: list[dict[str, Any]] = []
    for fault in faults:
        key = tuple(str(part) for part in fault["loc"] if part not in _MARKS)
        line = file.line_of(key) if file else None
        if fault["type"] in _UNKNOWN:
            message = f"unknown key; known here are {', '.join(_known_keys(key[:-1]))}"
        else:
            message = fault["msg"].removeprefix("Value error, ")
        where = str(file.path) if file else "environment"
        name = ".".join(key) if file else PREFIX + DELIMITER.join(key).upper()
        problems.append({"file": where, "line": line, "key": name, "message": message})
    return config_error(source, problems)


def _known_keys(above: KeyPath) -> tuple[str, ...]:
    if not above:
        return GROUPS
    kind = kind_of(above[0])
    for part in above[1:]:
        field = getattr(kind, "model_fields", {}).get(part)
        inner = field.annotation if field else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            kind = inner
        elif part in _BY_NAME:
            kind = _BY_NAME[part]
        elif part == "by_pack":
            return Policies.names()
    return ("$secret",) if kind is SecretReference else names_of(kind)
