"""A flow document as lists of steps, tolerant of faults, so that every rule can speak at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.flow import FINALLY
from engine.packs.checks.step_node import StepNode
from engine.packs.checks.step_types import checks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.packs.source.yaml_source import SourcePath


@dataclass(frozen=True, slots=True)
class StepSequence:
    """One list of steps; `owner` is the sequence and index of the step that holds it."""

    path: SourcePath
    nodes: tuple[StepNode, ...]
    depth: int
    owner: tuple[StepSequence, int] | None = None
    closing: StepSequence | None = None
    """What runs after this list however the run ends."""

    @property
    def by_needs(self) -> bool:
        """Whether its steps begin as their needs allow: it is the list of a graph."""
        return self.owner is not None and self.owner[0].nodes[self.owner[1]].model.by_needs

    def needs(self, node: StepNode) -> list[str]:
        """Ids of the steps that one of its steps needs, as they stand in the file."""
        named = node.raw.get("needs")
        return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []

    def all_needs(self, node: StepNode) -> set[str]:
        """The same, with what those need."""
        by_id = {each.id: each for each in self.nodes}
        found: set[str] = set()
        pending = self.needs(node)
        while pending:
            name = pending.pop()
            if name not in found and name in by_id:
                found.add(name)
                pending += self.needs(by_id[name])
        return found

    def index(self, name: str) -> int | None:
        """Where the step of that id stands in this list."""
        return next((i for i, node in enumerate(self.nodes) if node.id == name), None)


def sequences(flow: Any) -> Iterator[StepSequence]:
    """Every list of steps of a flow document, outer ones first."""
    if not isinstance(flow, dict):
        return
    steps, last = flow.get("steps"), flow.get(FINALLY)
    closing = _sequence(last, (FINALLY,), 1, None) if isinstance(last, list) else None
    if isinstance(steps, list):
        yield from _walk(replace(_sequence(steps, ("steps",), 1, None), closing=closing))
    if closing is not None:
        yield from _walk(closing)


def nested(sequence: StepSequence, index: int) -> Iterator[StepSequence]:
    """The lists that one step holds: its branches, or the steps of a for_each."""
    node = sequence.nodes[index]
    for path, steps in checks_of(node).lists(node):
        yield _sequence(steps, (*node.path, *path), sequence.depth + 1, (sequence, index))


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
    own_id = named if isinstance(named, str) else default_id(index)
    return StepNode(path, own_id, kind if isinstance(kind, str) else "", raw)
