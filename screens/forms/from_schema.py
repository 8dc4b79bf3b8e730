"""A JSON Schema as the tree of fields that draws it.

Pure: nothing here draws. What has no field of its own (tuples, schemas that refer to themselves, rules
this module does not know) becomes a text field that takes JSON, so that every schema can be answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from screens.forms.field import ADDITIONAL_PROPERTIES, Field, FieldFactory, Kind
from screens.forms.schema_parts import (
    REFERENCES,
    SchemaParts,
    array_of_texts,
    best_branch,
    branches_of,
    is_long,
    is_open,
    nothing_but_null,
    plain_types,
)
from screens.forms.words import branch_labels, choice_labels, example, hint, value_label

MOST_FIELDS = 1_000
"""Fields that are drawn at most; what is beyond is JSON. References could else grow without bound."""
MOST_ITEMS = 50
"""Items a list may begin with; a longer one is JSON."""
DEEPEST = 20
"""Levels of groups, for the same reason."""

_SIMPLE = {
    "string": Kind.TEXT,
    "number": Kind.NUMBER,
    "integer": Kind.INTEGER,
    "boolean": Kind.BOOLEAN,
}


def form_of(schema: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Field:
    """The field of the whole form. `defaults` win over the schema's own."""
    return _Drawing(SchemaParts(schema)).whole(schema, dict(defaults or {}))


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the schema that becomes a field, with the value it begins with."""

    name: str
    schema: Mapping[str, Any]
    required: bool
    initial: Any
    nullable: bool = False

    def field(self, kind: Kind, **more: Any) -> Field:
        """The field, drawn as this kind; `more` are attributes that the schema does not say."""
        known: dict[str, Any] = {
            "title": str(self.schema.get("title") or self.name),
            "description": str(self.schema.get("description") or ""),
            "hint": hint(self.schema, kind),
            "example": example(self.schema),
            "required": self.required,
            "nullable": self.nullable,
            "initial": self.initial,
        }
        return Field(self.name, kind, **(known | more))


class _Drawing:
    """Makes fields of one schema; counts them."""

    def __init__(self, parts: SchemaParts, above: _Drawing | None = None) -> None:
        self._parts = parts
        self.left: list[int] = above.left if above else [MOST_FIELDS]
        self.depth: int = above.depth if above else 0
        self.open: list[str] = list(above.open) if above else []

    def whole(self, schema: Mapping[str, Any], defaults: Mapping[str, Any]) -> Field:
        """The root: a group, a choice between groups, or JSON."""
        root = self.field("", schema, True, defaults or None)
        alternatives = [factory.field.kind for factory in root.makers]
        if root.kind is Kind.GROUP:
            return root
        if root.kind is Kind.VARIANT and set(alternatives) == {Kind.GROUP}:
            return replace(root, title="", nullable=False)
        words = "This flow names no fields: type its input as a JSON object."
        return Field("", Kind.JSON, "Input", words, "JSON object", required=True, initial=dict(defaults))

    def field(self, name: str, schema: Any, required: bool, given: Any = None) -> Field:
        """One field. `given` is the value it begins with, None takes the schema's default."""
        self.left[0] -= 1
        plain = self._parts.plain(schema)
        references = set(plain.get(REFERENCES, ())) if plain else set()
        inside_itself = not references.isdisjoint(self.open)
        if plain is None or inside_itself or self.left[0] < 0 or self.depth > DEEPEST:
            words = schema if isinstance(schema, Mapping) else {}
            return _Part(name, words, required, _initial(words, given)).field(Kind.JSON)
        self.depth += 1
        self.open += references
        try:
            return self._drawn(_Part(name, plain, required, _initial(plain, given)))
        finally:
            self.depth -= 1
            del self.open[len(self.open) - len(references) :]

    def _later(self, schema: Any, given: Any) -> Field:
        """The field of an item or an alternative: counted anew once somebody asks for it."""
        return _Drawing(self._parts, self if self.depth else None).field("", schema, True, given)

    def _drawn(self, part: _Part) -> Field:
        schema = part.schema
        if schema.get("format") == "images":  # which files are read, says whoever fills it in
            part = replace(part, initial=None)
        if "const" in schema:
            return replace(part, initial=schema["const"]).field(Kind.FIXED)
        if schema.get("readOnly") is True and part.initial is not None:
            return part.field(Kind.FIXED)
        enum = schema.get("enum")
        if isinstance(enum, (list, tuple)) and enum:
            choices = tuple(enum)
            return part.field(Kind.CHOICE, choices=choices, labels=choice_labels(schema, choices))
        branches = branches_of(schema, self._parts)
        return self._branched(part, branches) if branches else self._by_type(part)

    def _branched(self, part: _Part, branches: list[Mapping[str, Any]]) -> Field:
        nullable = any(map(nothing_but_null, branches))
        real = [branch for branch in branches if not nothing_but_null(branch)]
        if all("const" in branch for branch in real):
            choices = [branch["const"] for branch in real]
            labels = [str(branch.get("title") or value_label(branch["const"])) for branch in real]
            if nullable:
                choices.append(None)
                labels.append("nothing (null)")
            return part.field(Kind.CHOICE, choices=tuple(choices), labels=tuple(labels))
        if len(real) == 1:
            words = {
                key: part.schema[key] for key in ("title", "description", "default") if key in part.schema
            }
            only = self.field(part.name, {**real[0], **words}, part.required, part.initial)
            return replace(only, nullable=True) if nullable else only
        part = replace(part, nullable=nullable)
        # The label is the title.
        makers = tuple(FieldFactory(partial(self._later, {**branch, "title": ""})) for branch in real)
        chosen = None if part.initial is None else best_branch(real, part.initial, self._parts)
        started = None if chosen is None else makers[chosen].starting_with(part.initial)
        if chosen is not None and started is None:
            return part.field(Kind.JSON)
        return part.field(
            Kind.VARIANT,
            labels=branch_labels(real),
            chosen=chosen,
            initial_fields=(started,) if started else (),
            makers=makers,
        )

    def _by_type(self, part: _Part) -> Field:
        types, nullable = plain_types(part.schema)
        part = replace(part, nullable=nullable)
        if types == ["array"]:
            return self._array(part)
        if types == ["object"]:
            return self._object(part)
        kind = _SIMPLE.get(types[0], Kind.JSON) if len(types) == 1 else Kind.JSON
        if kind is Kind.TEXT and is_long(part.schema, part.initial):
            kind = Kind.LONG_TEXT
        return part.field(kind)

    def _object(self, part: _Part) -> Field:
        properties = part.schema.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            return part.field(Kind.JSON, hint="JSON object")
        given = dict(part.initial) if isinstance(part.initial, Mapping) else {}
        named = part.schema.get("required")
        needed = set(named) if isinstance(named, (list, tuple)) else set()
        children = [
            self.field(str(key), child, key in needed, given.pop(key, None))
            for key, child in properties.items()
        ]
        if is_open(part.schema, given):
            words = "Fields that the form does not name, as a JSON object"
            others = Field(
                ADDITIONAL_PROPERTIES, Kind.JSON, "More fields", words, "JSON object", initial=given or None
            )
            children.append(others)
        return part.field(Kind.GROUP, children=tuple(children))

    def _array(self, part: _Part) -> Field:
        items = self._parts.plain(part.schema.get("items"))
        if items is None or "prefixItems" in part.schema:
            return part.field(Kind.JSON, hint="JSON list")
        enum = items.get("enum")
        if isinstance(enum, (list, tuple)) and enum:
            choices = tuple(enum)
            return part.field(Kind.PICKS, choices=choices, labels=choice_labels(items, choices))
        if array_of_texts(items, part.initial):
            return part.field(Kind.LINES)
        factory = FieldFactory(partial(self._later, part.schema["items"]))
        begins = part.initial if isinstance(part.initial, (list, tuple)) else ()
        started = [factory.starting_with(item) for item in begins[: MOST_ITEMS + 1]]
        if len(started) > MOST_ITEMS or None in started:
            return part.field(Kind.JSON, hint="JSON list")
        return part.field(Kind.LIST, makers=(factory,), initial_fields=tuple(started))


def _initial(schema: Mapping[str, Any], given: Any) -> Any:
    """The value a field begins with: what is given, else the schema's default."""
    return schema.get("default") if given is None else given
