"""Subflows between all packs: that they exist, form no cycle and stay within the depth limit."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from engine.packs.checks.schemas.schema_problems import close_match, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.packs.pack import Problem
    from engine.packs.loaded_pack import LoadedPack

MAX_SUBFLOW_DEPTH = 8

FlowName = tuple[str, str]


def resolve_subflow(pack_id: str, target: str) -> FlowName:
    """Pack and flow that a subflow step of `pack_id` names by `pack/flow` or `flow`."""
    pack, slash, flow = target.partition("/")
    return (pack, flow) if slash else (pack_id, target)


def subflow_problems(packs: Sequence[LoadedPack]) -> list[list[Problem]]:
    """For each pack, in order, what is wrong with the subflows its flows name."""
    known: dict[str, LoadedPack] = {}
    for pack in packs:
        known.setdefault(pack.pack_id, pack)
    calls = _Calls(known)
    # a pack whose id is taken has its problem already; nothing can reach its flows
    return [list(_of_pack(pack, known, calls)) if known[pack.pack_id] is pack else [] for pack in packs]


def _of_pack(pack: LoadedPack, known: dict[str, LoadedPack], calls: _Calls) -> Iterator[Problem]:
    for reference in pack.subflows:
        target = resolve_subflow(pack.pack_id, reference.target)
        owner = known.get(target[0])
        cycle = calls.cycle((pack.pack_id, reference.flow))
        if owner is None:
            words = f"unknown pack `{shortened(target[0])}`{close_match(target[0], known)}"
            yield reference.problem(words)
        elif target[1] not in owner.flows:
            words = f"the pack `{target[0]}` has no flow `{shortened(target[1])}` that can be loaded"
            yield reference.problem(words + close_match(target[1], owner.flows))
        elif cycle and target == cycle[1]:
            way = " -> ".join("/".join(name) for name in cycle)
            yield reference.problem(f"the subflows form a cycle: {way}")
        elif calls.depth.get(target, 0) + 1 > MAX_SUBFLOW_DEPTH:
            yield reference.problem(f"subflows are nested too deeply: at most {MAX_SUBFLOW_DEPTH} levels")


class _Calls:
    """Which flow starts which, how deep that goes, and where it comes back."""

    def __init__(self, packs: dict[str, LoadedPack]) -> None:
        self._children: dict[FlowName, list[FlowName]] = {}
        for pack in packs.values():
            for flow in pack.flows:
                self._children[pack.pack_id, flow] = []
        for pack in packs.values():
            for reference in pack.subflows:
                caller = (pack.pack_id, reference.flow)
                self._children.setdefault(caller, []).append(resolve_subflow(pack.pack_id, reference.target))
        self.depth = self._depths()
        """Levels of child runs below each flow that leads into no cycle."""
        self._cycles: dict[FlowName, list[FlowName]] = {}

    def cycle(self, start: FlowName) -> list[FlowName]:
        """The shortest way from a flow back to itself (it stands at both ends), else nothing."""
        if start in self.depth:
            return []
        if start not in self._cycles:
            self._cycles[start] = self._way_back(start)
        return self._cycles[start]

    def _depths(self) -> dict[FlowName, int]:
        """Flows whose children are all known, again and again; what remains leads into a cycle."""
        parents: dict[FlowName, list[FlowName]] = {}
        waiting: dict[FlowName, int] = {}
        for name, children in self._children.items():
            real = [child for child in children if child in self._children]
            waiting[name] = len(real)
            for child in real:
                parents.setdefault(child, []).append(name)
        depth = {name: 0 for name, count in waiting.items() if count == 0}
        ready = list(depth)
        levels: dict[FlowName, int] = {}
        while ready:
            child = ready.pop()
            for parent in parents.get(child, []):
                levels[parent] = max(levels.get(parent, 0), depth[child] + 1)
                waiting[parent] -= 1
                if waiting[parent] == 0:
                    depth[parent] = levels[parent]
                    ready.append(parent)
        return depth

    def _way_back(self, start: FlowName) -> list[FlowName]:
        came_from: dict[FlowName, FlowName] = {}
        pending = deque([start])
        while pending:
            current = pending.popleft()
            for child in self._children.get(current, []):
                if child == start:
                    way = [current, start]
                    while way[0] != start:
                        way.insert(0, came_from[way[0]])
                    return way
                if child not in came_from:
                    came_from[child] = current
                    pending.append(child)
        return []
