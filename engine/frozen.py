"""Frozen dataclasses for what is made thousands of times a second: events, inputs, states.

That nobody changes them is checked before the program runs, by the type checker; a dataclass that checks it
again while it runs takes seven times as long to make.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: type[T]) -> type[T]:
    """A dataclass with slots and a hash. The type checker lets nobody set a field; nothing raises at run
    time."""
    return dataclass(slots=True, unsafe_hash=True)(kind)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def frozen_by_name(kind: type[T]) -> type[T]:
    """The same with fields that are given by name."""
    return dataclass(slots=True, unsafe_hash=True, kw_only=True)(kind)
