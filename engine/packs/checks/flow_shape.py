"""A flow document as lists of steps, tolerant of faults, so that every rule can speak at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.packs.source.yaml_source import SourcePath


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


@dataclass(frozen=True, slots=True)
class StepSequence:
    """One list of steps; `owner` is the sequence and index of the step that holds it."""

    path: SourcePath
    nodes: tuple[StepNode, ...]
    depth: int
    owner: tuple[StepSequence, int] | None = None

    def index(self, step_id: str) -> int | None:
        """Where the step of that id stands in this list."""
        return next((i for i, node in enumerate(self.nodes) if node.id == step_id), None)


def sequences(flow: Any) -> Iterator[StepSequence]:
    """Every list of steps of a flow document, outer ones first."""
    steps = flow.get("steps") if isinstance(flow, dict) else None
    if isinstance(steps, list):
        yield from _walk(_sequence(steps, ("steps",), 1, None))


def nested(sequence: StepSequence, index: int) -> Iterator[StepSequence]:
    """The lists that one step holds: its branches, or the steps of a for_each."""
    node = sequence.nodes[index]
    owner = (sequence, index)
    branches, steps = node.raw.get("branches"), node.raw.get("steps")
    if node.type == "parallel" and isinstance(branches, list):
        for number, branch in enumerate(branches):
            if isinstance(branch, list):
                path = (*node.path, "branches", number)
                yield _sequence(branch, path, sequence.depth + 1, owner)
    elif node.type == "for_each" and isinstance(steps, list):
        yield _sequence(steps, (*node.path, "steps"), sequence.depth + 1, owner)


def default_id(index: int) -> str:
    """The id of a step that names none; `index` counts from zero in its list."""
    return f"step_{index}"


def _walk(sequence: StepSequence) -> Iterator[StepSequence]:
    yield sequence
    for index in range(len(sequence.nodes)):
        for inner in nested(sequence, index):
            yield from _walk(inner)


def _sequence(
    steps: list[Any], path: SourcePath, depth: int, owner: tuple[StepSequence, int] | None
) -> StepSequence:
    nodes = tuple(_node(step, (*path, index), index) for index, step in enumerate(steps))
    return StepSequence(path, nodes, depth, owner)


def _node(step: Any, path: SourcePath, index: int) -> StepNode:
    raw = step if isinstance(step, dict) else {}
    named, kind = raw.get("id"), raw.get("type")
    step_id = named if isinstance(named, str) else default_id(index)
    return StepNode(path, step_id, kind if isinstance(kind, str) else "", raw)
