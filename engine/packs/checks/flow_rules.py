"""Rules of a flow's shape: ids, jumps, gates, free text, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.flow import FINALLY, GATES_NOTHING
from engine.contracts.status import RequestKind
from engine.packs.checks.flow_shape import StepSequence, nested, sequences
from engine.packs.checks.name_rules import name_problems, title_problems
from engine.packs.checks.needs_rules import needs_problems
from engine.packs.checks.schemas.schema_problems import close_match, problem_at, shortened, shown
from engine.packs.checks.step_node import field_problem
from engine.packs.checks.step_rules import step_problems
from engine.packs.checks.step_types import checks_of
from engine.packs.checks.trigger_rules import trigger_problems

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from engine.contracts.packs.pack import Problem
    from engine.packs.checks.step_node import StepNode
    from engine.packs.source.yaml_source import Document

MAX_STEPS = 500
AGENT = "agent"
MAX_STEP_DEPTH = 8
JUMP_WORDS = frozenset({"fail", "continue", "done", GATES_NOTHING})
RESERVED_IDS = JUMP_WORDS | {FINALLY}
_JUMP_FIELDS = ("on_success", "on_failure")


def check_flow(document: Document, tool_names: Collection[str] | None) -> list[Problem]:
    """Every fault beyond the schema; `tool_names` None leaves tool names unchecked."""
    return list(_problems(document, tool_names))


def _problems(document: Document, tool_names: Collection[str] | None) -> Iterator[Problem]:
    lists = list(sequences(document.value))
    total = sum(len(sequence.nodes) for sequence in lists)
    if total > MAX_STEPS:
        message = f"the flow has {total} steps, at most {MAX_STEPS} are allowed"
        yield problem_at(document, ("steps",), message)
        return
    yield from title_problems(document)
    yield from trigger_problems(document)
    yield from _escalation(document, lists[0] if lists else None)
    elsewhere = {node.id for sequence in lists for node in sequence.nodes}
    for sequence in lists:
        rules = _Shape(document, sequence, elsewhere)
        yield from rules.problems()
        for node in sequence.nodes:
            yield from step_problems(document, node, tool_names)
        yield from needs_problems(document, sequence)
        yield from name_problems(document, sequence, lists[0])


def _escalation(document: Document, outermost: StepSequence | None) -> Iterator[Problem]:
    name = document.value.get("escalation")
    if not isinstance(name, str) or outermost is None:
        return
    index = outermost.index(name)
    if index is None:
        known = [node.id for node in outermost.nodes if node.model.asks is RequestKind.APPROVAL]
        message = f"there is no step `{shortened(name)}` in the outermost list{close_match(name, known)}"
        yield problem_at(document, ("escalation",), message, found=shown(name))
    elif outermost.nodes[index].model.asks is not RequestKind.APPROVAL:
        message = f"the escalation `{shortened(name)}` is no `human_approval`"
        yield problem_at(document, ("escalation",), message, found=shown(name))


class _Shape:
    """The rules of one list of steps."""

    def __init__(self, document: Document, sequence: StepSequence, elsewhere: set[str]) -> None:
        self._document = document
        self._sequence = sequence
        self._elsewhere = elsewhere

    def problems(self) -> Iterator[Problem]:
        sequence = self._sequence
        if not sequence.nodes and sequence.path[-1] != "steps":  # empty `steps` break the schema already
            yield problem_at(self._document, sequence.path, "this list of steps is empty")
        if sequence.depth == MAX_STEP_DEPTH + 1:
            message = f"steps are nested too deeply: at most {MAX_STEP_DEPTH} levels"
            yield problem_at(self._document, sequence.path, message)
        yield from self._ids()
        for index, node in enumerate(sequence.nodes):
            for field in _JUMP_FIELDS:
                yield from self._jump(index, node, field)
            yield from self._handoffs(index, node)
            if checks_of(node).free_text(node):
                yield from self._free_text(index, node)
        yield from self._gates()

    def _ids(self) -> Iterator[Problem]:
        first: dict[str, StepNode] = {}
        for node in self._sequence.nodes:
            if node.id in RESERVED_IDS:
                yield field_problem(
                    self._document, node, "id", f"the step id `{node.id}` is reserved: choose another"
                )
            elif node.id in first:
                line = self._document.place(first[node.id].path).line
                message = f"the step id `{shortened(node.id)}` is here twice (first on line {line})"
                yield field_problem(self._document, node, "id", message)
            first.setdefault(node.id, node)

    def _jump(self, index: int, node: StepNode, field: str) -> Iterator[Problem]:
        target = node.text(field)
        if target is None or target in {"fail", "done"}:
            return
        if target == "continue":
            if node.model.asks is RequestKind.APPROVAL and field == "on_failure":
                message = "a rejected approval may not `continue`: use `fail` or a step behind what it gates"
                yield field_problem(self._document, node, field, message)
            return
        landing = self._sequence.index(target)
        name = shortened(target)
        if self._sequence.by_needs:
            yield field_problem(
                self._document,
                node,
                field,
                "the steps of a graph have no order to jump in: use `needs` and `run_if`",
            )
        elif landing is None:
            if target in self._elsewhere:
                message = f"the step `{name}` is in another list: a jump stays within its own list of steps"
            else:
                known = [*(each.id for each in self._sequence.nodes), *(JUMP_WORDS - {GATES_NOTHING})]
                message = f"there is no step `{name}` in this list{close_match(target, known)}"
            yield field_problem(self._document, node, field, message)
        elif landing <= index and not self._sequence.nodes[landing].raw.get("max_visits"):
            message = f"this jump goes back to `{name}`, which names no `max_visits`"
            yield field_problem(self._document, node, field, message)

    def _handoffs(self, index: int, node: StepNode) -> Iterator[Problem]:
        """Agents that an agent may hand over to: beside it, and bounded where that goes back."""
        for place, target in node.texts("handoffs") if node.type == AGENT else ():
            landing, name = self._sequence.index(target), shortened(target)
            known = [each.id for each in self._sequence.nodes if each.type == AGENT and each is not node]
            message = None
            if self._sequence.by_needs:
                message = "agents of a graph hand nothing over: its steps have no order to jump in"
            elif target not in known:
                message = f"there is no other agent `{name}` in this list{close_match(target, known)}"
            elif (
                landing is not None
                and landing <= index
                and not self._sequence.nodes[landing].raw.get("max_visits")
            ):
                message = f"this goes back to `{name}`, which names no `max_visits`"
            if message is not None:
                yield problem_at(self._document, (*node.path, *place), message, found=shown(target))

    def _gates(self) -> Iterator[Problem]:
        gated: dict[int, StepNode] = {}
        for index, node in enumerate(self._sequence.nodes):
            if node.model.asks is not RequestKind.APPROVAL or self._sequence.by_needs:
                continue
            gate = self._gate(index, node)
            if isinstance(gate, str):
                yield field_problem(self._document, node, "gates", gate)
            elif gate is not None:
                if gate in gated:
                    message = f"`{self._sequence.nodes[gate].id}` is gated by `{gated[gate].id}` already"
                    yield field_problem(self._document, node, "gates", message)
                gated[gate] = node
                yield from self._jumps_past(index, gate)

    def _gate(self, index: int, node: StepNode) -> int | str | None:
        """Index of the gated step; words when `gates` is wrong; None when nothing is gated."""
        name = node.text("gates")
        if name == GATES_NOTHING:
            return None
        nodes = self._sequence.nodes
        if name is None:
            following = nodes[index + 1 : index + 2]
            if not following or not following[0].model.acts():
                return None
            return _unseen(following[0]) or index + 1
        gate = self._sequence.index(name)
        if gate is None:
            known = [*(each.id for each in nodes[index + 1 :]), GATES_NOTHING]
            return f"there is no step `{shortened(name)}` in this list{close_match(name, known)}"
        if gate <= index:
            return f"the gated step `{name}` must stand after the approval"
        if not nodes[gate].model.acts():
            return f"the step `{shortened(name)}` does nothing that could be approved: write `gates: none`"
        return _unseen(nodes[gate]) or gate

    def _jumps_past(self, approval: int, gate: int) -> Iterator[Problem]:
        """Jumps from outside into what only the approval may lead to: steps after it, up to the gate."""
        nodes = self._sequence.nodes
        for index, node in enumerate(nodes):
            for field in _JUMP_FIELDS:
                landing = self._sequence.index(node.text(field) or "")
                if landing is None or not approval < landing <= gate or approval < index < gate:
                    continue
                if index == approval and field == "on_success":
                    continue
                message = (
                    f"this jump reaches `{nodes[gate].id}` without the approval `{nodes[approval].id}`: "
                    "a jump may not land on a step that an approval gates"
                )
                yield field_problem(self._document, node, field, message)

    def _free_text(self, index: int, form: StepNode) -> Iterator[Problem]:
        for node in _followers(self._sequence, index):
            if node.model.calls_tool:
                message = (
                    f"the step `{node.id}` directly follows the free-text form `{form.id}`: "
                    "put an approval or a choice form between them"
                )
                yield field_problem(self._document, node, "type", message)


def _unseen(gated: StepNode) -> str | None:
    """Why an approval cannot stand before the step: nobody could see what it approves."""
    if not gated.model.composite:
        return None
    instead = "put it inside, directly before the step it is about,"
    if gated.type == "plan_proposal":
        instead = "it asks by itself, with the whole plan,"
    if gated.type == "agent":
        instead = "its calls are asked about one by one (`autonomy_level`, `requires_approval` of its tools),"
    return (
        f"an approval cannot show what the {gated.type} step `{gated.id}` will do: {instead} "
        "or write `gates: none` for an acknowledgement that binds nothing"
    )


def _followers(sequence: StepSequence, index: int) -> list[StepNode]:
    """Steps that may run next after one succeeded: in order, by its jump, inside what holds steps,
    after a list's end, and behind steps that may be skipped."""
    found: dict[tuple[str | int, ...], StepNode] = {}
    pending = _successors(sequence, index)
    while pending:
        place = pending.pop()
        if place is None:
            continue
        current, position = place
        if position >= len(current.nodes):
            pending += _behind(current)
            continue
        node = current.nodes[position]
        if node.path in found:
            continue
        found[node.path] = node
        for inner in nested(current, position):
            first = [place for place, each in enumerate(inner.nodes) if not inner.needs(each)]
            pending += [(inner, place) for place in (first if inner.by_needs else (0,))]
        if "when" in node.raw:
            pending += _successors(current, position) if current.by_needs else [(current, position + 1)]
    return list(found.values())


def _successors(sequence: StepSequence, index: int) -> list[tuple[StepSequence, int] | None]:
    """What may come after a step; in a graph that is what needs it."""
    if not sequence.by_needs:
        return [_successor(sequence, index)]
    step = sequence.nodes[index].id
    needing = [place for place, node in enumerate(sequence.nodes) if step in sequence.needs(node)]
    found: list[tuple[StepSequence, int] | None] = [(sequence, place) for place in needing]
    return found or _behind(sequence)


def _behind(sequence: StepSequence) -> list[tuple[StepSequence, int] | None]:
    """What may come after the end of a list."""
    if sequence.closing is not None:
        return [(sequence.closing, 0)]
    return _successors(*sequence.owner) if sequence.owner else []


def _successor(sequence: StepSequence, index: int) -> tuple[StepSequence, int] | None:
    target = sequence.nodes[index].text("on_success")
    if target is None or target == "continue":
        return sequence, index + 1
    landing = sequence.index(target)
    return None if landing is None else (sequence, landing)
