"""The tables of docs/packs.md, made from the contracts: `python docs/pack_tables.py` writes them anew."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.contracts import quantity
from engine.contracts.layers.skill import SkillFrontMatter
from engine.contracts.packs.pack import PackManifest
from engine.packs.checks.field_effects import effect_of
from engine.packs.layers.agent_layers import LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.contracts.model import Contract

PAGE = Path(__file__).parent / "packs.md"
MODELS: Mapping[str, type[Contract]] = {
    "manifest": PackManifest,
    **LAYERS,
    "skill": SkillFrontMatter,
}
_SECTION = re.compile(r"(<!-- fields of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_QUANTITIES = {
    quantity.DURATION: "duration",
    quantity.MEMORY: "size",
    quantity.CPU: "processors",
    quantity.COST: "amount",
}
_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}


def table(model: type[Contract], name: str) -> str:
    """Every field of a contract, nested ones with their path, and what each does at run time."""
    schema = model.model_json_schema(mode="validation")
    if model is PackManifest:  # the composer says so, in words of its own
        schema["required"].append("role")
    rows = ["| field | type | default | meaning | at run time |", "|---|---|---|---|---|"]
    rows += [
        f"| `{field}` | {kind} | {default} | {meaning} | {effect_of(f'{name}.{field}')} |"
        for field, kind, default, meaning in _rows(schema, schema, "")
    ]
    return "\n".join(rows) + "\n"


def page(text: str) -> str:
    """The page with every table as the contracts have it."""
    return _SECTION.sub(lambda found: f"{found[1]}\n{table(MODELS[found[2]], found[2])}\n{found[3]}", text)


def _rows(schema: Any, whole: Any, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    required = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        inner, mark = _inner(field, whole)
        yield (
            prefix + name,
            _type(field, whole),
            "required" if name in required else _default(field),
            str(field.get("description") or inner.get("description", "")).partition("\n")[0],
        )
        if "properties" in inner:
            yield from _rows(inner, whole, f"{prefix}{name}{mark}.")


def _inner(field: Any, whole: Any) -> tuple[Any, str]:
    """The schema inside a reference or a list, and how that shows in a path."""
    if "$ref" in field:
        return whole["$defs"][field["$ref"].rpartition("/")[2]], ""
    if field.get("type") == "array":
        return _inner(field["items"], whole)[0], "[]"
    return field, ""


def _type(field: Any, whole: Any) -> str:
    inner, _ = _inner(field, whole)
    if field.get("type") == "array":
        return "list of " + _plural(field["items"], whole) + _bounds(field)
    if "anyOf" in field:
        (chosen,) = [option for option in field["anyOf"] if option.get("type") != "null"]
        return _type(chosen, whole)
    if "enum" in inner:
        return ", ".join(f"`{value}`" for value in inner["enum"])
    if "properties" in inner:
        return "mapping"
    if inner.get("format") == "date":
        return "date"
    if inner.get("type") == "object":
        return "mapping"
    return _QUANTITIES.get(inner.get("pattern"), _WORDS[inner["type"]]) + _bounds(inner)


def _plural(items: Any, whole: Any) -> str:
    inner, _ = _inner(items, whole)
    if "enum" in inner:
        return _type(items, whole)
    return "text" if inner.get("type") == "string" else "mappings"


def _bounds(field: Any) -> str:
    found = [words.format(f"{field[key]:,}") for key, words in _BOUNDS.items() if key in field]
    found = [words for words in found if words not in {"at least 1 characters", "at least 1 items"}]
    return "".join(f", {words}" for words in found)


def _default(field: Any) -> str:
    value = field.get("default")
    if value is None or value in ("", []):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
    sys.exit(0)
