"""One step as it stands in a file, tolerant of faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.step import STEP_TYPES, StepFields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.packs.source.yaml_source import SourcePath


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

    @property
    def model(self) -> Model:
        """What its type says of itself; a type that is not known (the schema refuses it) says nothing."""
        return STEP_TYPES.get(self.type) or StepFields
