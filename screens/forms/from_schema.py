"""A JSON Schema as the tree of fields that draws it.

Pure: nothing here draws. What has no field of its own (tuples, schemas that refer to themselves, rules
this module does not know) becomes a text field that takes JSON, so that every schema can be answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
            initial = words.get("default") if given is None else given
            return self._of_kind(Kind.JSON, name, words, required, initial)
        self.depth += 1
        self.open += references
        try:
            return self._drawn(name, plain, required, given)
        finally:
            self.depth -= 1
            del self.open[len(self.open) - len(references) :]

    def _later(self, schema: Any, given: Any) -> Field:
        """The field of an item or an alternative: counted anew once somebody asks for it."""
        return _Drawing(self._parts, self if self.depth else None).field("", schema, True, given)

    def _drawn(self, name: str, schema: Mapping[str, Any], required: bool, given: Any) -> Field:
        initial = schema.get("default") if given is None else given
        if schema.get("format") == "images":  # which files are read, says whoever fills it in
            initial = None
        fixed = "const" in schema or (schema.get("readOnly") is True and initial is not None)
        if fixed:
            value = schema.get("const", initial)
            return self._of_kind(Kind.FIXED, name, schema, required, value)
        enum = schema.get("enum")
        if isinstance(enum, (list, tuple)) and enum:
            return self._choice(
                name, schema, required, initial, tuple(enum), choice_labels(schema, tuple(enum))
            )
        branches = branches_of(schema, self._parts)
        if branches:
            return self._branched(name, schema, required, initial, branches)
        return self._by_type(name, schema, required, initial)

    def _branched(
        self,
        name: str,
        schema: Mapping[str, Any],
        required: bool,
        initial: Any,
        branches: list[Mapping[str, Any]],
    ) -> Field:
        nullable = any(map(nothing_but_null, branches))
        real = [branch for branch in branches if not nothing_but_null(branch)]
        if all("const" in branch for branch in real):
            choices = tuple(branch["const"] for branch in real) + ((None,) if nullable else ())
            labels = tuple(str(branch.get("title") or value_label(branch["const"])) for branch in real)
            return self._choice(
                name, schema, required, initial, choices, labels + (("nothing (null)",) if nullable else ())
            )
        if len(real) == 1:
            words = {key: schema[key] for key in ("title", "description", "default") if key in schema}
            only = self.field(name, {**real[0], **words}, required, initial)
            return _nullable(only) if nullable else only
        # The label is the title.
        makers = tuple(FieldFactory(partial(self._later, {**branch, "title": ""})) for branch in real)
        chosen = None if initial is None else best_branch(real, initial, self._parts)
        started = None if chosen is None else makers[chosen].starting_with(initial)
        if chosen is not None and started is None:
            return self._of_kind(Kind.JSON, name, schema, required, initial, nullable=nullable)
        return self._of_kind(
            Kind.VARIANT,
            name,
            schema,
            required,
            initial,
            nullable=nullable,
            labels=branch_labels(real),
            chosen=chosen,
            initial_fields=(started,) if started else (),
            makers=makers,
        )

    def _choice(
        self,
        name: str,
        schema: Mapping[str, Any],
        required: bool,
        initial: Any,
        choices: tuple[Any, ...],
        labels: tuple[str, ...],
    ) -> Field:
        return self._of_kind(Kind.CHOICE, name, schema, required, initial, choices=choices, labels=labels)

    def _by_type(self, name: str, schema: Mapping[str, Any], required: bool, initial: Any) -> Field:
        types, nullable = plain_types(schema)
        kind = Kind.JSON
        if types == ["array"]:
            return self._array(name, schema, required, initial, nullable)
        if types == ["object"]:
            return self._object(name, schema, required, initial, nullable)
        if len(types) == 1 and types[0] in _SIMPLE:
            kind = _SIMPLE[types[0]]
            if kind is Kind.TEXT and is_long(schema, initial):
                kind = Kind.LONG_TEXT
        return self._of_kind(kind, name, schema, required, initial, nullable=nullable)

    def _object(
        self, name: str, schema: Mapping[str, Any], required: bool, initial: Any, nullable: bool
    ) -> Field:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            return self._of_kind(
                Kind.JSON, name, schema, required, initial, nullable=nullable, hint="JSON object"
            )
        given = dict(initial) if isinstance(initial, Mapping) else {}
        named = schema.get("required")
        needed = set(named) if isinstance(named, (list, tuple)) else set()
        children = [
            self.field(str(key), part, key in needed, given.pop(key, None))
            for key, part in properties.items()
        ]
        if is_open(schema, given):
            words = "Fields that the form does not name, as a JSON object"
            others = Field(
                ADDITIONAL_PROPERTIES, Kind.JSON, "More fields", words, "JSON object", initial=given or None
            )
            children.append(others)
        return self._of_kind(
            Kind.GROUP, name, schema, required, initial, nullable=nullable, children=tuple(children)
        )

    def _array(
        self, name: str, schema: Mapping[str, Any], required: bool, initial: Any, nullable: bool
    ) -> Field:
        items = self._parts.plain(schema.get("items"))
        if items is None or "prefixItems" in schema:
            return self._of_kind(
                Kind.JSON, name, schema, required, initial, nullable=nullable, hint="JSON list"
            )
        enum = items.get("enum")
        if isinstance(enum, (list, tuple)) and enum:
            labels = choice_labels(items, tuple(enum))
            return self._of_kind(
                Kind.PICKS,
                name,
                schema,
                required,
                initial,
                choices=tuple(enum),
                labels=labels,
                nullable=nullable,
            )
        if array_of_texts(items, initial):
            return self._of_kind(Kind.LINES, name, schema, required, initial, nullable=nullable)
        factory = FieldFactory(partial(self._later, schema["items"]))
        begins = initial if isinstance(initial, (list, tuple)) else ()
        started = [factory.starting_with(item) for item in begins[: MOST_ITEMS + 1]]
        if len(started) > MOST_ITEMS or None in started:
            return self._of_kind(
                Kind.JSON, name, schema, required, initial, nullable=nullable, hint="JSON list"
            )
        return self._of_kind(
            Kind.LIST,
            name,
            schema,
            required,
            initial,
            nullable=nullable,
            makers=(factory,),
            initial_fields=tuple(started),
        )

    def _of_kind(
        self, kind: Kind, name: str, schema: Mapping[str, Any], required: bool, initial: Any, **more: Any
    ) -> Field:
        known: dict[str, Any] = {
            "title": str(schema.get("title") or name),
            "description": str(schema.get("description") or ""),
            "hint": hint(schema, kind),
            "example": example(schema),
            "required": required,
            "initial": initial,
        }
        return Field(name, kind, **(known | more))


def _nullable(field: Field) -> Field:
    return replace(field, nullable=True)
