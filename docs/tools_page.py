"""Writes what docs/tools.md says of each built-in tool: `make tools`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.tools.builtin.all import builtin_registry

if TYPE_CHECKING:
    from engine.contracts.tool import ToolSpec

PAGE = Path(__file__).parent / "tools.md"
MARK = "<!-- the tools: make tools writes what follows -->"


def page(text: str) -> str:
    """The page with its tools as the code has them."""
    head, _, _ = text.partition(MARK)
    sections = "\n".join(_section(spec) for spec in builtin_registry().specs())
    return f"{head}{MARK}\n\n{sections}"


def _section(spec: ToolSpec) -> str:
    again = "; made again with the same key it has its effect once" if spec.idempotent else ""
    level = f", sandbox `{spec.sandbox}`" if spec.sandbox != "process" else ""
    images = "; offered to models that are shown images" if spec.for_images else ""
    facts = f"effects `{spec.effects}`, risk `{spec.risk}`{level}{again}{images}"
    required = set(spec.parameters.get("required", ()))
    lines = [f"### `{spec.name}`", "", spec.description, "", f"{facts[0].upper()}{facts[1:]}.", ""]
    lines += ["| parameter | takes |", "|---|---|"]
    lines += [
        f"| `{name}`{' (required)' if name in required else ''} | {_words(schema)} |"
        for name, schema in spec.parameters["properties"].items()
    ]
    lines += ["", "| output | is |", "|---|---|"]
    lines += [f"| `{name}` | {words} |" for name, words in spec.output.items()]
    return "\n".join([*lines, ""])


def _words(schema: dict[str, Any]) -> str:
    """A schema in one line."""
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kinds = schema.get("type", "any value")
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if kinds == "array":
        words = f"list of {_words(schema.get('items', {}))}"
    bounds = {
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
        "minItems": "at least {}",
        "maxItems": "at most {}",
        "minimum": "from {}",
        "exclusiveMinimum": "over {}",
        "maximum": "to {}",
    }
    told = [
        words.format(f"{schema[key]:,}").removesuffix("s" if schema[key] == 1 else "")
        for key, words in bounds.items()
        if key in schema
    ]
    if "default" in schema:
        told.append(f"default `{json.dumps(schema['default'])}`")
    told += [schema["description"]] if "description" in schema else []
    return ", ".join([words, *told])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
