"""Graphs on a timeline: their steps in the order of their needs, those that have not begun among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.step_layers import step_layers
from engine.contracts.status import StepStatus
from engine.machine.model.state import segments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.journal.rows import StepHeadRow

Node = dict[str, Any]


class Graphs:
    """The graphs of one run by the path of their execution, each a list of steps with their needs."""

    def __init__(self, nodes: Mapping[str, Sequence[Node]]) -> None:
        self._nodes = nodes
        self._layers = {
            path: step_layers({node["id"]: node["needs"] for node in steps}) for path, steps in nodes.items()
        }

    def paths_beside(self, heads: Sequence[StepHeadRow]) -> list[str]:
        """Where steps stand of which there is no row among these."""
        known = {head["path"] for head in heads}
        paths = (
            f"{path}/{number}/{node['id']}"
            for path, nodes in self._nodes.items()
            for number, node in enumerate(nodes)
        )
        return [path for path in paths if path not in known]

    def not_begun(self, heads: Sequence[StepHeadRow]) -> Iterator[StepHeadRow]:
        """Rows for steps that have no execution yet, or will have none."""
        begun = {head["path"] for head in heads}
        for path, nodes in self._nodes.items():
            for number, node in enumerate(nodes):
                name = f"{path}/{number}/{node['id']}"
                if name not in begun:
                    yield {
                        "path": name,
                        "first_seq": 0,
                        "type": node["type"],
                        "name": node["id"],
                        "status": StepStatus.NOT_STARTED.value,
                        "started_at": None,
                        "finished_at": None,
                        "child_run_id": None,
                        "recoveries": 0,
                    }

    def rank(self, path: str) -> int:
        """The place of a step in its graph; 0 where it is in none."""
        found = self._node(path)
        return 0 if found is None else list(self._layers[found[0]]).index(found[1]["id"])

    def depth(self, path: str) -> int:
        """How many steps one after the other come before it in the graphs it is in."""
        if not self._nodes:  # as in most runs, of which very many rows are drawn
            return 0
        parts = segments(path)
        ways = ("/".join(parts[:end]) for end in range(3, len(parts) + 1, 2))
        found = filter(None, map(self._node, ways))
        return sum(self._layers[graph][node["id"]] for graph, node in found)

    def needs(self, path: str) -> tuple[str, ...] | None:
        """Ids of the steps that a step of a graph needs; None for one in no graph."""
        found = self._node(path)
        return None if found is None else tuple(found[1]["needs"])

    def _node(self, path: str) -> tuple[str, Node] | None:
        """The graph that a step is directly in, and what it says of it."""
        if not self._nodes:
            return None
        parts = segments(path)
        graph = "/".join(parts[:-2])
        nodes = self._nodes.get(graph)
        return None if nodes is None else (graph, nodes[int(parts[-2])])
