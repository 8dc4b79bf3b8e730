"""JSON Schemas of pack files, made from the contracts, so that editors complete and check them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.flow import FlowDef
from engine.contracts.layers.skill import Skill, SkillFrontMatter
from engine.contracts.packs.pack import ExtendsReference, FileReference, PackManifest
from engine.packs.checks.field_effects import NOT_YET, effect_of
from engine.packs.layers.agent_layers import LAYERS
from engine.tools.builtin.all import builtin_registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.contracts.model import Contract
    from engine.contracts.tool import ToolSpec

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MANIFEST_SCHEMA = "profession-pack.schema.json"
SKILL_SCHEMA = "skill-frontmatter.schema.json"
FLOW_SCHEMA = "flow.schema.json"


def layer_schema(layer: str) -> str:
    """The schema's file name for a layer file."""
    return f"{layer}.schema.json"


def editor_schemas() -> Mapping[str, Schema]:
    """Every schema by file name."""
    schemas = {layer_schema(name): _file_schema(name, model) for name, model in LAYERS.items()}
    return {
        MANIFEST_SCHEMA: _manifest_schema(),
        **schemas,
        SKILL_SCHEMA: _file_schema("skill", SkillFrontMatter),
        FLOW_SCHEMA: _flow_schema(),
    }


def schema_text(schema: Schema) -> str:
    """How a schema stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(directory: Path) -> None:
    """Write every schema into `directory` (blocking)."""
    directory.mkdir(exist_ok=True)
    for name, schema in editor_schemas().items():
        (directory / name).write_text(schema_text(schema), "utf-8")


def _schema(model: type[Contract]) -> Schema:
    return {"$schema": DIALECT, **_untitled(model.model_json_schema(mode="validation"))}


def _untitled(schema: Any) -> Any:
    """Without the titles that only repeat a field's name."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _untitled(value) for key, value in schema.items() if key != "title"}
    if isinstance(schema.get("properties"), dict):  # a field may be called `title`
        found["properties"] = {key: _untitled(value) for key, value in schema["properties"].items()}
    return found


def _file_schema(layer: str, model: type[Contract]) -> Schema:
    """A layer file: its fields, or another file with an override."""
    schema = _schema(model)
    definitions = schema.pop("$defs", {})
    _say_what_is_not_in_force(schema, definitions, layer)
    dialect = schema.pop("$schema")
    return {
        "$schema": dialect,
        "title": (model.__doc__ or model.__name__).partition("\n")[0],
        "oneOf": [schema, _untitled(ExtendsReference.model_json_schema())],
        "$defs": definitions,
    }


def _manifest_schema() -> Schema:
    """The manifest, whose layers have exactly one of three forms."""
    schema = _schema(PackManifest)
    definitions = schema.setdefault("$defs", {})
    models: dict[str, type[Contract]] = {
        **LAYERS,
        "skill": Skill,
        "file": FileReference,
        "extends": ExtendsReference,
    }
    for layer, model in models.items():
        own = _untitled(model.model_json_schema(mode="validation"))
        if layer in LAYERS:
            _say_what_is_not_in_force(own, own.get("$defs", {}), layer)
        definitions |= own.pop("$defs", {})
        definitions[model.__name__] = own
    for name, model in LAYERS.items():
        description = schema["properties"][name]["description"]
        schema["properties"][name] = {"description": description, "oneOf": _forms(model)}
    skills = schema["properties"]["skills"]
    skills["items"] = {"oneOf": _forms(Skill)}
    schema["required"].append("role")
    return {"$schema": schema.pop("$schema"), "title": "Manifest of a pack", **schema}


def _say_what_is_not_in_force(schema: Schema, definitions: Schema, field: str) -> None:
    """Add it to the description of each field below `field` that does nothing yet: editors show no more."""
    for name, child in schema.get("properties", {}).items():
        below = f"{field}.{name}"
        effect = effect_of(below)
        if effect.endswith(NOT_YET):
            child["description"] = f"{child.get('description', '')} {effect.capitalize()}.".lstrip()
        inner = definitions.get(child.get("$ref", "").rpartition("/")[2], child)
        _say_what_is_not_in_force(inner, definitions, below)


def _forms(model: type[Contract]) -> list[Schema]:
    names = ("FileReference", "ExtendsReference", model.__name__)
    return [{"$ref": f"#/$defs/{name}"} for name in names]


def _flow_schema() -> Schema:
    """A flow file, in which steps may go without an id and words have their aliases."""
    schema = _schema(FlowDef)
    for definition in schema["$defs"].values():
        if "type" in definition.get("properties", {}) and "id" in definition.get("required", ()):
            definition["required"].remove("id")
    schema["$defs"]["ToolStep"]["allOf"] = [_parameters_of(spec) for spec in builtin_registry().specs()]
    retry = schema["$defs"]["RetryPolicy"]["properties"]
    retry["retry_on"] = {**retry["retry_on_codes"], "description": "Another word for `retry_on_codes`."}
    properties = schema["properties"]
    properties["name"] = {**properties["id"], "description": "Another word for `id`."}
    schema["required"].remove("id")
    schema["oneOf"] = [{"required": ["id"]}, {"required": ["name"]}]
    return {"$schema": schema.pop("$schema"), "title": "A flow", **schema}


def _parameters_of(spec: ToolSpec) -> Schema:
    """What `params` of a step that calls this tool may hold: any value may be a template, or a secret."""
    parameters = spec.parameters
    rendered: list[Schema] = [
        {"type": "string", "pattern": r"\{[{%]"},
        {"type": "object", "required": ["$secret"]},
    ]
    properties = {
        name: {"anyOf": [schema, *rendered]} for name, schema in parameters.get("properties", {}).items()
    }
    return {
        "if": {"properties": {"tool": {"const": spec.name}}, "required": ["tool"]},
        "then": {
            "properties": {"params": {**parameters, "properties": properties}},
            "required": ["params"] if parameters.get("required") else [],
        },
    }
