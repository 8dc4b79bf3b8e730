"""Rules of one step: its tool, back end, templates and form (design: flows-and-runs, Flow file)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.request import UserInputRequest
from engine.errors import InvalidInput
from engine.json_schema.forms import form_schema
from engine.packs.checks.json_schema import schema_problems
from engine.packs.checks.schema_problems import close_match, problem_at, shortened, shown, validate
from engine.templates import TemplateError, compile_expression, compile_template, has_template

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from engine.contracts.pack import Problem
    from engine.packs.checks.flow_shape import StepNode
    from engine.packs.source.yaml_source import Document, SourcePath

_TEMPLATE_FIELDS = ("message", "title", "form", "params", "items")


def step_problems(
    document: Document, node: StepNode, tool_names: Collection[str] | None
) -> Iterator[Problem]:
    """Every fault of one step that its schema does not show."""
    for path, message in (*_tool_faults(node, tool_names), *_template_faults(node)):
        value: Any = node.raw
        for part in path:
            value = value[part]
        yield problem_at(document, (*node.path, *path), message, found=shown(value))
    if node.type == "user_input":
        yield from _form_problems(document, node)


def _tool_faults(node: StepNode, tool_names: Collection[str] | None) -> Iterator[tuple[SourcePath, str]]:
    tool = node.text("tool")
    if node.type == "tool" and tool and tool_names is not None and tool not in tool_names:
        yield ("tool",), f"unknown tool `{shortened(tool)}`{close_match(tool, tool_names)}"
    backend = node.text("backend")
    if node.type == "tool" and backend in {"remote", "mcp"}:
        yield ("backend",), f"the back end `{backend}` is not available in this version"
    subflow = node.text("subflow")
    if node.type == "subflow" and subflow and has_template(subflow):
        yield ("subflow",), "a subflow is named outright (`pack/flow` or `flow`), not by a template"


def _template_faults(node: StepNode) -> Iterator[tuple[SourcePath, str]]:
    condition = node.text("when")
    if condition is not None:
        yield from _compiled(compile_expression, condition, ("when",))
    items = node.text("items")
    if node.type == "for_each" and items is not None and not has_template(items):
        yield ("items",), "`items` is a list or a template that gives one, such as `{{ payload.files }}`"
    for field in _TEMPLATE_FIELDS:
        yield from _texts(node.raw.get(field), (field,))


def _texts(value: Any, path: SourcePath) -> Iterator[tuple[SourcePath, str]]:
    if isinstance(value, str):
        if has_template(value):
            yield from _compiled(compile_template, value, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _compiled(
    compiler: Callable[[str], object], source: str, path: SourcePath
) -> Iterator[tuple[SourcePath, str]]:
    try:
        compiler(source)
    except TemplateError as error:
        inside = f" (line {error.line} of the text)" if "\n" in source and error.line else ""
        yield path, f"template: {error.message}{inside}"


def _form_problems(document: Document, node: StepNode) -> Iterator[Problem]:
    params = node.raw.get("params")
    if not isinstance(params, dict):
        return
    root = (*node.path, "params")
    # not strict: behind the model's own first validator a JSON list is no tuple
    request, problems = validate(UserInputRequest, params, document, root=root, strict=False)
    for problem in problems:
        # a template may become any value: what it gives is checked when the form opens
        if not _is_templated(params, problem.field.split(".")[len(root) :]):
            yield problem
    if request is not None and not has_template(params):
        try:
            form_schema(request)
        except InvalidInput as error:
            yield problem_at(document, root, error.message)
    schema = params.get("schema")
    if isinstance(schema, dict) and not has_template(schema):
        yield from schema_problems(document, (*root, "schema"), schema)


def _is_templated(params: dict[str, Any], path: list[str]) -> bool:
    value: Any = params
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
    return isinstance(value, str) and has_template(value)
