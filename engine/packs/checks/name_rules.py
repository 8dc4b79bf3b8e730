"""Names in templates that cannot exist when the step is reached: first names, steps, declared fields."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.flow import FINALLY
from engine.packs.checks.flow_shape import nested
from engine.packs.checks.schemas.schema_problems import close_match, problem_at, shortened, shown
from engine.packs.checks.step_rules import templates_of
from engine.packs.checks.step_types import checks_of
from engine.templates import TemplateError, compile_template, paths_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from engine.contracts.packs.pack import Problem
    from engine.packs.checks.flow_shape import StepSequence
    from engine.packs.source.yaml_source import Document

_ALWAYS = frozenset({"payload", "handoff", "steps", "artifacts", "run"})
_AT_START = frozenset({"payload", "handoff", "run"})
_OF_INNER_STEPS = frozenset({"status", "error"})
_IN_LOOPS = "loop_index"
_IN_TURNS = "turn"


def name_problems(document: Document, sequence: StepSequence, outermost: StepSequence) -> Iterator[Problem]:
    """Every name of one list of steps that nothing can stand behind."""
    fields = _declared_fields(document.value.get("input"))
    for index, node in enumerate(sequence.nodes):
        view = _in_view(sequence, index)
        if sequence.path[0] == FINALLY:
            _add_all(view, outermost)
        for path, source, is_condition in templates_of(node):
            try:
                named = paths_in(source, expression=is_condition)
            except TemplateError:
                continue  # told already
            known = view
            if path[0] in node.model.templates_of_turns:
                known = replace(view, items=view.items | {_IN_TURNS})
            for words in named:
                message = _unknown(words, known, fields)
                if message is not None:
                    yield problem_at(document, (*node.path, *path), message, found=shown(source))


def title_problems(document: Document) -> Iterator[Problem]:
    """What is wrong with the template that names a run before any step of it has run."""
    title = document.value.get("title")
    if not isinstance(title, str):
        return
    fields = _declared_fields(document.value.get("input"))
    try:
        compile_template(title)
        named = paths_in(title, expression=False)
    except TemplateError as error:
        yield problem_at(document, ("title",), f"template: {error.message}", found=shown(title))
        return
    for words in named:
        message = (
            f"a title is rendered before the first step: it knows {', '.join(sorted(_AT_START))}"
            if words[0] in _ALWAYS - _AT_START
            else _unknown(words, _View(), fields)
        )
        if message is not None:
            yield problem_at(document, ("title",), message, found=shown(title))


@dataclass(slots=True)
class _View:
    """What a step can name: steps of its list and those around it, steps inside these (how often), items;
    beside it stand steps of its graph that it does not need."""

    steps: set[str] = field(default_factory=set)
    inside: Counter[str] = field(default_factory=Counter)
    beside: set[str] = field(default_factory=set)
    items: set[str] = field(default_factory=set)


def _unknown(words: tuple[str, ...], view: _View, fields: Collection[str] | None) -> str | None:
    first, *rest = words
    if first not in _ALWAYS and first not in view.items:
        known = [*_ALWAYS, *view.items]
        return f"there is nothing named `{shortened(first)}` here{close_match(first, known)}"
    if not rest:
        return None
    if first == "steps" and rest[0] not in view.steps:
        return _out_of_view(rest, view)
    if first == "payload" and fields is not None and rest[0] not in fields:
        name = shortened(rest[0])
        return f"the input of this flow has no field `{name}`{close_match(rest[0], list(fields))}"
    return None


def _out_of_view(named: Sequence[str], view: _View) -> str | None:
    """What is wrong with a name behind `steps` that is no step of the lists around."""
    name = shortened(named[0])
    times = view.inside[named[0]]
    if not times and named[0] in view.beside:
        return f"the step does not need `{name}`, which may end before it or after it: add it to `needs`"
    if not times:
        return f"there is no step `{name}` in view{close_match(named[0], [*view.steps, *view.inside])}"
    if times > 1:
        return (
            f"there are {times} steps `{name}` in branches before: give each an id of its own to ask for it"
        )
    if len(named) > 1 and named[1] not in _OF_INNER_STEPS:
        known = " and ".join(f"`{word}`" for word in sorted(_OF_INNER_STEPS))
        return f"of a step inside a branch, as `{name}`, only {known} are known outside of it"
    return None


def _in_view(sequence: StepSequence, index: int) -> _View:
    """What the step at that place of the list can name."""
    view = _View()
    place: tuple[StepSequence, int] | None = (sequence, index)
    while place is not None:
        current, position = place
        known = {node.id for node in current.nodes}
        if current.by_needs:
            seen = current.all_needs(current.nodes[position]) | {current.nodes[position].id}
            view.beside |= known - seen
            known = seen
        view.steps |= known
        for number, node in enumerate(current.nodes):
            if number != position and node.id in known:
                view.inside.update(_ids_inside(current, number))
        place = current.owner
        if place is not None:
            holder = place[0].nodes[place[1]]
            item = checks_of(holder).item_name(holder)
            if item is not None:
                view.items |= {item, _IN_LOOPS}
    return view


def _add_all(view: _View, outermost: StepSequence) -> None:
    """What runs however the run ends sees every step of the flow, and how it ends."""
    view.items.add("ending")
    if outermost.path[0] != FINALLY:
        view.steps |= {node.id for node in outermost.nodes}
        for number in range(len(outermost.nodes)):
            view.inside.update(_ids_inside(outermost, number))


def _ids_inside(sequence: StepSequence, index: int) -> Iterator[str]:
    """Ids of the steps inside a step, as far as what became of them is kept."""
    if sequence.nodes[index].model.shows_steps:
        for inner in nested(sequence, index):
            for number, node in enumerate(inner.nodes):
                yield node.id
                yield from _ids_inside(inner, number)


def _declared_fields(schema: Any) -> Collection[str] | None:
    """Fields of the input when it can have no others; None when anything may be there."""
    if not isinstance(schema, dict) or schema.get("additionalProperties") is not False:
        return None
    fields = schema.get("properties")
    return fields if isinstance(fields, dict) and "patternProperties" not in schema else None
