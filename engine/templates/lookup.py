"""Looking a value up by its path: items of objects and lists, never attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Undefined
from jinja2.runtime import LoopContext

from engine.templates.work import Missing, reach

_LOOP_FIELDS = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"}
)


def lookup(value: Any, root: str | None, *keys: Any) -> Any:
    """The item at `keys`, or a Missing that names the whole path from `root`."""
    current = value
    for place, key in enumerate(keys):
        current = item_of(current, key)
        if isinstance(current, Undefined):
            if isinstance(current, Missing) and current.path is None and place + 1 == len(keys):
                return current
            return Missing(name=_path_text(value, root, keys))
    return current


def item_of(value: Any, key: Any) -> Any:
    """The item of an object, a list or `loop`, or a Missing; references are followed."""
    value = reach(value)
    if isinstance(value, Mapping):
        if key in value:
            return reach(value[key])
        # `steps.1.output`: a step's id may be a number, and keys of JSON are text.
        return reach(value[str(key)]) if type(key) is int and str(key) in value else Missing(name=str(key))
    if isinstance(value, list) and type(key) is int and -len(value) <= key < len(value):
        return reach(value[key])
    if isinstance(value, LoopContext) and key in _LOOP_FIELDS:
        return getattr(value, key)
    return Missing(name=str(key))


def _path_text(value: Any, root: str | None, keys: tuple[Any, ...]) -> str:
    start = value.path if isinstance(value, Missing) else root
    text = start or "(expression)"
    if len(keys) > 50:
        return f"{text} (a path of {len(keys)} parts)"
    for key in keys:
        plain = type(key) is int or (isinstance(key, str) and key.isidentifier())
        text += f".{key}" if plain else f"[{str(key)[:80]!r}]"
    return text


def attribute_of(item: Any, attribute: str | int) -> Any:
    """What a filter's `attribute` names, `a.b.0` included."""
    parts = attribute.split(".") if isinstance(attribute, str) else [attribute]
    return lookup(item, "item", *(int(part) if str(part).isdecimal() else part for part in parts))
