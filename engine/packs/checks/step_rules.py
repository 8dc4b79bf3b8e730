"""Rules of one step: templates, and what its type asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.packs.checks.retry_rules import retry_faults
from engine.packs.checks.schemas.schema_problems import problem_at, shown
from engine.packs.checks.step_types import checks_of
from engine.templates import TemplateError, compile_expression, compile_template, has_template

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from engine.contracts.packs.pack import Problem
    from engine.packs.checks.step_node import StepNode
    from engine.packs.source.yaml_source import Document, SourcePath


def step_problems(
    document: Document, node: StepNode, tool_names: Collection[str] | None
) -> Iterator[Problem]:
    """Every fault of one step that its schema does not show; a type that is not known is one of these."""
    checks = checks_of(node)
    for path, message in (*checks.faults(node, tool_names), *retry_faults(node), *_template_faults(node)):
        value: Any = node.raw
        for part in path:
            value = value[part]
        yield problem_at(document, (*node.path, *path), message, found=shown(value))
    yield from checks.problems(document, node)


def templates_of(node: StepNode) -> Iterator[tuple[SourcePath, str, bool]]:
    """Every template of a step: where it stands, its text, and whether it is a condition."""
    condition = node.text("when")
    if condition is not None:
        yield ("when",), condition, True
    for field in node.model.templates:
        for path, text in texts_of(node.raw.get(field), (field,)):
            yield path, text, False


def _template_faults(node: StepNode) -> Iterator[tuple[SourcePath, str]]:
    for path, text, is_condition in templates_of(node):
        yield from _compiled(compile_expression if is_condition else compile_template, text, path)


def texts_of(value: Any, path: SourcePath) -> Iterator[tuple[SourcePath, str]]:
    """Every text with a template inside a value, and where it stands."""
    if isinstance(value, str):
        if has_template(value):
            yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts_of(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts_of(item, (*path, index))


def _compiled(
    compiler: Callable[[str], object], source: str, path: SourcePath
) -> Iterator[tuple[SourcePath, str]]:
    try:
        compiler(source)
    except TemplateError as error:
        inside = f" (line {error.line} of the text)" if "\n" in source and error.line else ""
        yield path, f"template: {error.message}{inside}"
