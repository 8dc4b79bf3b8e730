"""Rules of triggers: ids, and start payloads that the flow takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.json_schema.forms import fill_defaults, payload_errors
from engine.packs.checks.schemas.known_part import known_part
from engine.packs.checks.schemas.schema_problems import close_match, problem_at, shortened, shown
from engine.packs.checks.step_rules import texts_of
from engine.templates import TemplateError, compile_template, has_template, paths_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.packs.pack import Problem
    from engine.packs.source.yaml_source import Document, SourcePath

_KNOWN = {
    "cron": frozenset({"id", "type", "time", "date"}),
    "watch": frozenset({"id", "type", "path", "name"}),
}


def trigger_problems(document: Document) -> Iterator[Problem]:
    """What is wrong with the triggers of a flow, beyond the schema."""
    triggers = document.value.get("triggers")
    ids: set[str] = set()
    for index, trigger in enumerate(triggers if isinstance(triggers, list) else ()):
        if not isinstance(trigger, dict):
            continue
        name = trigger.get("id")
        if isinstance(name, str):
            if name in ids:
                message = f"the trigger id `{shortened(name)}` is here twice"
                yield problem_at(document, ("triggers", index, "id"), message, found=shown(name))
            ids.add(name)
        payload = trigger.get("payload", {})
        if isinstance(payload, dict):
            path: SourcePath = ("triggers", index)
            yield from _templates(document, path, payload, _KNOWN.get(str(trigger.get("type")), frozenset()))
            yield from _payload(document, path, payload)


def _templates(
    document: Document, path: SourcePath, payload: dict[str, Any], known: frozenset[str]
) -> Iterator[Problem]:
    for place, text in texts_of(payload, ("payload",)):
        try:
            compile_template(text)
            named = paths_in(text, expression=False)
        except TemplateError as error:
            yield problem_at(document, (*path, *place), f"template: {error.message}", found=shown(text))
            continue
        for first, *rest in named:
            if first != "trigger":
                message = f"a trigger knows `trigger` only, not `{shortened(first)}`"
            elif rest and known and rest[0] not in known:
                message = f"`trigger` has no `{shortened(rest[0])}`{close_match(rest[0], sorted(known))}"
            else:
                continue
            yield problem_at(document, (*path, *place), message, found=shown(text))


def _payload(document: Document, path: SourcePath, payload: dict[str, Any]) -> Iterator[Problem]:
    """A payload that a start would refuse; what a template gives is checked when the run starts."""
    schema = document.value.get("input")
    if not isinstance(schema, dict):
        return
    where = (*path, "payload") if payload else path
    known, values = known_part(
        schema, payload, {name for name, part in payload.items() if has_template(part)}
    )
    for error in payload_errors(known, fill_defaults(known, values)):
        message = f"the input of the flow: {error.field or 'payload'}: {error.message}"
        yield problem_at(document, where, message)
