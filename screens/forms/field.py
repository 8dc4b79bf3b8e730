"""What a form asks for: a tree of fields, each drawn in one way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(StrEnum):
    """Which control a field is drawn as."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    PICKS = "picks"
    LINES = "lines"
    JSON = "json"
    FIXED = "fixed"
    GROUP = "group"
    LIST = "list"
    VARIANT = "variant"


class FieldFactory:
    """Makes the field of an item or an alternative, not before it is needed."""

    def __init__(self, make: Callable[[Any], Field]) -> None:
        self._make = make

    @cached_property
    def field(self) -> Field:
        """The field with its own default in it: what is drawn, whatever then stands in it."""
        return self._make(None)

    def starting_with(self, value: Any) -> Field | None:
        """The field that begins with the value; None when it would look other than `field`, so that what
        stands in the one could not stand in the other."""
        made = self._make(value)
        return made if _shape(made) == _shape(self.field) else None


ADDITIONAL_PROPERTIES = "…others"
"""The name of the field for properties that a group allows but does not name."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `initial` is a JSON value or None.

    A group has `children`. A list makes its items by the one of `makers`; a choice between schemas has a
    factory and a label for each, and begins with the one at `chosen`. `labels` are words for `choices` too;
    `initial_fields` are the fields of the items, or of the alternative, that it begins with.
    """

    name: str
    kind: Kind
    title: str
    description: str = ""
    hint: str = ""
    example: str = ""
    required: bool = False
    nullable: bool = False
    initial: Any = None
    choices: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()
    children: tuple[Field, ...] = ()
    makers: tuple[FieldFactory, ...] = ()
    chosen: int | None = None
    initial_fields: tuple[Field, ...] = ()


def _shape(field: Field) -> tuple[Any, ...]:
    return (field.kind, field.name, len(field.makers), *map(_shape, field.children))
