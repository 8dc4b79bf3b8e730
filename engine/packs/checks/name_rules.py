"""Names in templates that cannot exist when the step is reached: first names, steps, declared fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.packs.checks.schema_problems import close_match, problem_at, shortened, shown
from engine.packs.checks.step_rules import templates_of
from engine.templates import TemplateError, compile_template, paths_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from engine.contracts.packs.pack import Problem
    from engine.packs.checks.flow_shape import StepSequence
    from engine.packs.source.yaml_source import Document

_ALWAYS = frozenset({"payload", "handoff", "steps", "artifacts", "run"})
_AT_START = frozenset({"payload", "handoff", "run"})
_IN_LOOPS = "loop_index"


def name_problems(document: Document, sequence: StepSequence) -> Iterator[Problem]:
    """Every name of one list of steps that nothing can stand behind."""
    steps, items = _in_view(sequence)
    fields = _declared_fields(document.value.get("input"))
    for node in sequence.nodes:
        for path, source, is_condition in templates_of(node):
            try:
                named = paths_in(source, expression=is_condition)
            except TemplateError:
                continue  # told already
            for words in named:
                message = _unknown(words, steps, items, fields)
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
            else _unknown(words, (), (), fields)
        )
        if message is not None:
            yield problem_at(document, ("title",), message, found=shown(title))


def _unknown(
    words: tuple[str, ...], steps: Collection[str], items: Collection[str], fields: Collection[str] | None
) -> str | None:
    first, *rest = words
    if first not in _ALWAYS and first not in items:
        known = [*_ALWAYS, *items]
        return f"there is nothing named `{shortened(first)}` here{close_match(first, known)}"
    if not rest:
        return None
    if first == "steps" and rest[0] not in steps:
        return f"there is no step `{shortened(rest[0])}` in view{close_match(rest[0], list(steps))}"
    if first == "payload" and fields is not None and rest[0] not in fields:
        name = shortened(rest[0])
        return f"the input of this flow has no field `{name}`{close_match(rest[0], list(fields))}"
    return None


def _in_view(sequence: StepSequence) -> tuple[set[str], set[str]]:
    """Ids of steps in this list and those around it, and what the loops around it bring."""
    steps = {node.id for node in sequence.nodes}
    items: set[str] = set()
    owner = sequence.owner
    while owner is not None:
        outer, index = owner
        steps |= {node.id for node in outer.nodes}
        holder = outer.nodes[index]
        if holder.type == "for_each":
            items |= {holder.text("as") or "item", _IN_LOOPS}
        owner = outer.owner
    return steps, items


def _declared_fields(schema: Any) -> Collection[str] | None:
    """Fields of the input when it can have no others; None when anything may be there."""
    if not isinstance(schema, dict) or schema.get("additionalProperties") is not False:
        return None
    fields = schema.get("properties")
    return fields if isinstance(fields, dict) and "patternProperties" not in schema else None
