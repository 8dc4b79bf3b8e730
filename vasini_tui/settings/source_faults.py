"""What is wrong in one source of settings, in words: where, which key, what is known there."""

from __future__ import annotations

from dataclasses import is_dataclass
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from engine.governance.policies import Policies
from engine.tools.mcp.settings import VALUE_MARKS
from vasini_tui.settings.config_content import BY_PACK, config_error
from vasini_tui.settings.in_force import GROUPS, kind_of, names_of
from vasini_tui.settings.variables import DELIMITER, PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.errors import VasiniError
    from vasini_tui.settings.config_content import ConfigFile, KeyPath

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
    kind, parts = kind_of(above[0]), above[1:]
    if kind is Policies and parts[:1] == (BY_PACK,):
        if len(parts) == 2:
            return Policies.names()
        parts = parts[2:]  # as in the group itself
    for part in parts:
        kind = _inside(kind, part)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return tuple(field.alias or name for name, field in kind.model_fields.items())
    return names_of(kind)


def _inside(kind: Any, part: str) -> Any:
    """The type of what stands under a key: of a field, of the values of a mapping, of the items of a list."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _bare(kind.model_fields[part].annotation)
    if is_dataclass(kind):
        return _bare(get_type_hints(kind)[part])
    return _bare(next(one for one in reversed(get_args(kind)) if one is not Ellipsis))


def _bare(kind: Any) -> Any:
    """A type without what is said about it; of several the one that has keys."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        several = [_bare(one) for one in get_args(kind)]
        return next(
            (one for one in several if isinstance(one, type) and issubclass(one, BaseModel)), several[0]
        )
    return kind
