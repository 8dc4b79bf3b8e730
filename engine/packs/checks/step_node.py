"""One step as it stands in a file, tolerant of faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.step import STEP_TYPES, StepFields
from engine.packs.checks.schemas.schema_problems import problem_at, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.contracts.packs.pack import Problem
    from engine.packs.source.yaml_source import Document, SourcePath


Model = type[StepFields]


@dataclass(frozen=True, slots=True)
class StepNode:
    """One step as it stands in the file; `path` leads to it in the document."""

    path: SourcePath
    id: str
    type: str
    raw: Mapping[str, Any]

    def text(self, field: str) -> str | None:
        """The field when it is text."""
        value = self.raw.get(field)
        return value if isinstance(value, str) else None

    def texts(self, field: str) -> Iterator[tuple[SourcePath, str]]:
        """The texts of a field that is a list, each with its place in the step."""
        value = self.raw.get(field)
        for index, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, str):
                yield (field, index), item

    @property
    def model(self) -> Model:
        """What its type says of itself; a type that is not known (the schema refuses it) says nothing."""
        return STEP_TYPES.get(self.type) or StepFields


def field_problem(document: Document, node: StepNode, field: str, message: str) -> Problem:
    """A Problem at a field of a step; at the step itself where the field is missing."""
    if field not in node.raw:
        return problem_at(document, node.path, message)
    return problem_at(document, (*node.path, field), message, found=shown(node.raw[field]))
