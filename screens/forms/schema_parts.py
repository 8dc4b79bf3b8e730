"""Reading a JSON Schema for drawing: references and `allOf` joined, alternatives, types, what is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LONG_TEXT = 200
"""A string that may be longer than this gets several lines."""

REFERENCES = "$references"
"""Where a joined schema remembers what it was joined from, so that one inside itself is noticed."""

_WORDS = ("title", "description", "default", "examples")
_SHAPES = frozenset(
    {"properties", "type", "const", "enum", "items", "$ref", "oneOf", "anyOf", "allOf", "prefixItems"}
)
_OPENING = ("patternProperties", "if", "dependentSchemas", "propertyNames")
_TEXT_ONLY = frozenset({"minLength", "maxLength", "pattern", "format", "contentMediaType", "x-multiline"})


class SchemaParts:
    """One schema with the parts its references name."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def plain(self, schema: Any, open_refs: tuple[str, ...] = ()) -> dict[str, Any] | None:
        """The schema with its references and `allOf` joined in; None when that cannot be done."""
        if not isinstance(schema, Mapping):
            return None
        joined = dict(schema)
        reference = joined.pop("$ref", None)
        parts = [part for part in _listed(joined.pop("allOf", None)) if isinstance(part, Mapping)]
        if reference is not None:
            target = self._target(reference)
            if reference in open_refs or target is None:
                return None
            open_refs = (*open_refs, str(reference))
            parts.insert(0, target)
        for part in parts:
            read = self.plain(part, open_refs)
            if read is None:
                return None
            joined = merged(read, joined)
        if open_refs:
            joined[REFERENCES] = sorted({*joined.get(REFERENCES, ()), *open_refs})
        return joined

    def _target(self, reference: Any) -> Mapping[str, Any] | None:
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        found: Any = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and name in found:
                found = found[name]
            elif isinstance(found, Sequence) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                return None
        return found if isinstance(found, Mapping) else None


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both rules at once, for drawing: what `above` says wins, but fields and needed names add up."""
    joined = {**below, **above}
    first, second = below.get("properties"), above.get("properties")
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        joined["properties"] = {
            **first,
            **{
                name: merged(first[name], part)
                if isinstance(part, Mapping) and isinstance(first.get(name), Mapping)
                else part
                for name, part in second.items()
            },
        }
    needed = [*_listed(below.get("required")), *_listed(above.get("required"))]
    if REFERENCES in below or REFERENCES in above:
        joined[REFERENCES] = sorted({*below.get(REFERENCES, ()), *above.get(REFERENCES, ())})
    if needed:
        joined["required"] = list(dict.fromkeys(map(str, needed)))
    return joined


def branches_of(schema: Mapping[str, Any], parts: SchemaParts) -> list[Mapping[str, Any]]:
    """The alternatives to choose from, each joined with what is said beside them; none when `oneOf` and
    `anyOf` only add rules to a schema that has a shape already. Several types are alternatives as well."""
    for keyword in ("oneOf", "anyOf"):
        listed = _listed(schema.get(keyword))
        if not listed:
            continue
        shaped = any(isinstance(branch, Mapping) and _SHAPES & branch.keys() for branch in listed)
        if not shaped:
            continue
        beside = {key: value for key, value in schema.items() if key not in (keyword, *_WORDS)}
        read = [parts.plain(branch) for branch in listed]
        return [
            merged(beside, {"title": f"option {place}"} if branch is None else branch)
            for place, branch in enumerate(read, 1)
        ]
    types, nullable = plain_types(schema)
    if len(types) < 2:
        return []
    bare = {key: value for key, value in schema.items() if key not in _WORDS}
    return [{**bare, "type": name} for name in [*types, *(["null"] if nullable else [])]]


def plain_types(schema: Mapping[str, Any]) -> tuple[list[str], bool]:
    """The types that are named, or that the keywords speak of; and whether null is one of them."""
    named = schema.get("type")
    names = [named] if isinstance(named, str) else [str(name) for name in _listed(named)]
    if not names:
        if isinstance(schema.get("properties"), Mapping):
            names = ["object"]
        elif "items" in schema:
            names = ["array"]
        elif _TEXT_ONLY & schema.keys():
            names = ["string"]
    return [name for name in names if name != "null"], "null" in names


def nothing_but_null(schema: Mapping[str, Any]) -> bool:
    """Whether only null fits."""
    return schema.get("type") == "null" or ("const" in schema and schema["const"] is None)


def is_long(schema: Mapping[str, Any], initial: Any) -> bool:
    """Whether a text may need several lines."""
    length = schema.get("maxLength")
    return (
        (isinstance(length, int) and length > LONG_TEXT)
        or schema.get("format") == "textarea"
        or bool(schema.get("x-multiline"))
        or "contentMediaType" in schema
        or (isinstance(initial, str) and "\n" in initial)
    )


def array_of_texts(items: Mapping[str, Any], initial: Any) -> bool:
    """Whether a list can be typed one item a line."""
    types, nullable = plain_types(items)
    lines = [item for item in _listed(initial) if isinstance(item, str)]
    whole = all(line == line.strip() and line and "\n" not in line for line in lines)
    plain = not {"const", "oneOf", "anyOf"} & items.keys() and not is_long(items, None)
    return types == ["string"] and not nullable and plain and whole and len(lines) == len(_listed(initial))


def is_open(schema: Mapping[str, Any], left: Mapping[str, Any]) -> bool:
    """Whether a group may hold fields that its properties do not name, and is likely to be asked for some."""
    if schema.get("additionalProperties") is False:
        return "patternProperties" in schema
    properties = schema.get("properties") or {}
    unnamed = [name for name in _listed(schema.get("required")) if name not in properties]
    least = schema.get("minProperties", 0)
    wanted = isinstance(least, int) and least > len(properties)
    said = "additionalProperties" in schema or any(key in schema for key in _OPENING)
    return bool(said or wanted or unnamed or left)


def best_branch(branches: Sequence[Mapping[str, Any]], value: Any, parts: SchemaParts) -> int:
    """The place of the alternative that the value most likely belongs to."""
    scores = [_fit(branch, value, parts) for branch in branches]
    return scores.index(max(scores))


def _fit(branch: Mapping[str, Any], value: Any, parts: SchemaParts) -> int:
    types, _ = plain_types(branch)
    if "const" in branch:
        return 100 if branch["const"] == value else -100
    if isinstance(branch.get("enum"), (list, tuple)):
        return 50 if value in branch["enum"] else -50
    if types and _type_of(value) not in types and not (types == ["number"] and _type_of(value) == "integer"):
        return -10
    if not isinstance(value, Mapping):
        return 2 if types else 1
    score = 2
    for name, part in (branch.get("properties") or {}).items():
        read = parts.plain(part) or {}
        if name in value:
            score += 1
            if "const" in read:
                score += 20 if read["const"] == value[name] else -20
    return score - 5 * sum(name not in value for name in _listed(branch.get("required")))


def _type_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case Mapping():
            return "object"
        case list() | tuple():
            return "array"
        case _:
            return "null"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []
