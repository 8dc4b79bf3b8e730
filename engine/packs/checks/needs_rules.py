"""Rules of `needs` and `run_if`: names that exist, no circle, and only in a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.flow import GATES_NOTHING
from engine.contracts.status import RequestKind
from engine.packs.checks.schemas.schema_problems import close_match, shortened
from engine.packs.checks.step_node import field_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.packs.pack import Problem
    from engine.packs.checks.flow_shape import StepSequence
    from engine.packs.checks.step_node import StepNode
    from engine.packs.source.yaml_source import Document

_FIELDS = ("needs", "run_if")


def needs_problems(document: Document, sequence: StepSequence) -> Iterator[Problem]:
    """What is wrong with the needs of one list of steps."""
    if not sequence.by_needs:
        for node in sequence.nodes:
            for field in _FIELDS:
                if field in node.raw:
                    yield field_problem(document, node, field, f"`{field}` is for steps of a graph only")
        return
    for node in sequence.nodes:
        yield from _names(document, sequence, node)
        if node.raw.get("run_if") in {"failed", "done"} and not sequence.needs(node):
            message = "`run_if` speaks of what a step needs, and this one needs nothing"
            yield field_problem(document, node, "run_if", message)
        yield from _order(document, node)
    circle = _circle(sequence)
    if circle:
        ways = " -> ".join(shortened(name) for name in circle)
        first = sequence.nodes[sequence.index(circle[0]) or 0]
        yield field_problem(document, first, "needs", f"the steps need each other in a circle: {ways}")


def _names(document: Document, sequence: StepSequence, node: StepNode) -> Iterator[Problem]:
    known = [each.id for each in sequence.nodes if each.id != node.id]
    for name in sequence.needs(node):
        if name == node.id:
            yield field_problem(document, node, "needs", f"the step `{shortened(name)}` needs itself")
        elif name not in known:
            message = f"there is no step `{shortened(name)}` in this graph{close_match(name, known)}"
            yield field_problem(document, node, "needs", message)


def _order(document: Document, node: StepNode) -> Iterator[Problem]:
    """What only means something in a list that is worked through in order."""
    if node.model.asks is RequestKind.APPROVAL and node.text("gates") != GATES_NOTHING:
        message = (
            "in a graph an approval binds nothing: write `gates: none` for an acknowledgement, "
            "or put it before its step in a `parallel` of one branch"
        )
        yield field_problem(document, node, "gates", message)


def _circle(sequence: StepSequence) -> list[str]:
    """Steps that need each other, the first one at both ends; empty without any."""
    needs = {node.id: [name for name in sequence.needs(node) if name != node.id] for node in sequence.nodes}
    done: set[str] = set()
    for start in needs:
        way: list[str] = []
        found = _visit(start, needs, done, way)
        if found:
            return found
    return []


def _visit(name: str, needs: dict[str, list[str]], done: set[str], way: list[str]) -> list[str]:
    if name in way:
        return [*way[way.index(name) :], name]
    if name in done or name not in needs:
        return []
    way.append(name)
    for need in needs[name]:
        found = _visit(need, needs, done, way)
        if found:
            return found
    way.pop()
    done.add(name)
    return []
