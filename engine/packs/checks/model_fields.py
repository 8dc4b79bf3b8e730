"""Which fields a contract has at a path of a document, spelled as a file spells them."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel

from engine.contracts.flows.step import STEP_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic.fields import FieldInfo

    from engine.packs.source.yaml_source import SourcePath


def field_names(model: type[BaseModel], path: SourcePath, raw: Any) -> list[str]:
    """Fields that the mapping at `path` may hold; none where any key may stand."""
    annotation: Any = model
    for length, part in enumerate(path, start=1):
        raw = raw[part]
        if is_step(path[:length]):
            annotation = STEP_TYPES.get(str(raw.get("type")) if isinstance(raw, dict) else "")
        elif isinstance(part, int):
            annotation = next(iter(get_args(_bare(annotation))), None)
        else:
            annotation = _field(annotation, part)
    found = _bare(annotation)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        return []
    return [spelling(name, info) for name, info in found.model_fields.items()]


def is_step(path: Sequence[str | int]) -> bool:
    """Whether a step of a flow stands at `path`."""
    if len(path) < 2 or not isinstance(path[-1], int) or path[0] != "steps":
        return False
    return path[-2] == "steps" or (len(path) > 2 and path[-3] == "branches")


def spelling(name: str, info: FieldInfo) -> str:
    """The name of a field in files: its alias, where it has one."""
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return alias if isinstance(alias, str) else name


def _field(annotation: Any, part: str) -> Any:
    model = _bare(annotation)
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, info in model.model_fields.items():
            if part in {name, spelling(name, info)}:
                return info.annotation
    return None


def _bare(annotation: Any) -> Any:
    """Without `Annotated` and `| None`."""
    while True:
        origin, parts = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            annotation = parts[0]
        elif origin in {Union, UnionType}:
            annotation = next((part for part in parts if part is not type(None)), None)
        else:
            return annotation
