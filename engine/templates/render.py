"""Compiling and rendering: whole expressions keep their type, everything else becomes text."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import jinja2
from jinja2 import nodes
from jinja2.parser import Parser

from engine.templates.environment import ENVIRONMENT
from engine.templates.syntax import assign, rewrite
from engine.templates.work import MAX_OUTPUT, MAX_SOURCE, WORK, LimitError, TemplateError, Work
from engine.values import Resolve, resolve_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2.runtime import Context

_COMPILE_FAULTS = (jinja2.TemplateSyntaxError, SyntaxError, ValueError, RecursionError, MemoryError)
_RENDER_FAULTS = (
    jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError,
)  # fmt: skip
_PROVIDED = frozenset({"loop", "range"})
"""Names that the language itself has."""


class Template:
    """A compiled string. Make it with `compile_template`; it may be shared between threads."""

    __slots__ = ("_compiled", "_whole", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        tree = _parse(source)
        expression = _whole_expression(tree)
        self._whole = expression is not None
        self._compiled = _compile(tree if expression is None else expression)

    def render(self, context: Mapping[str, Any], resolve: Resolve | None = None) -> Any:
        """The value of a template that is one whole `{{ expression }}`, or else text.

        The value may be part of `context` itself, not a copy: do not change it. Raises TemplateError, and
        lets BlobNeeded through (`resolve=None` raises it for every blob met).
        """
        return _run(self._compiled, context, resolve, whole=self._whole)


class Expression:
    """A compiled condition. Make it with `compile_expression`."""

    __slots__ = ("_compiled", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self._compiled = _compile(_parse_expression(source))

    def test(self, context: Mapping[str, Any], resolve: Resolve | None = None) -> bool:
        """Whether the expression holds: false for false, null, 0, empty text, lists and objects.

        Raises TemplateError (a missing value is an error, not false), and lets BlobNeeded through.
        """
        return bool(_run(self._compiled, context, resolve, whole=True))


@lru_cache(maxsize=4096)
def compile_template(source: str) -> Template:
    """Compile once, cached by source. Raises TemplateError with the line of the fault."""
    return Template(source)


@lru_cache(maxsize=1024)
def compile_expression(source: str) -> Expression:
    """Compile `x > 1` or `{{ x > 1 }}`, cached by source. Raises TemplateError with the line of the fault."""
    return Expression(source)


@lru_cache(maxsize=4096)
def paths_in(source: str, *, expression: bool) -> tuple[tuple[str, ...], ...]:
    """What a template looks at: each first name that it does not set itself, with the keys written behind it.

    Found once, cached by source: a pack is checked again each time one of its files is saved. Raises
    TemplateError as compiling it would.
    """
    tree = _parse_expression(source) if expression else _parse(source)
    every = [tree, *tree.find_all(nodes.Node)]
    own = {node.name for node in every if isinstance(node, nodes.Name) and node.ctx != "load"} | _PROVIDED
    inner = {id(node.node) for node in every if isinstance(node, nodes.Getattr | nodes.Getitem)}
    found = [_keys_of(node) for node in every if id(node) not in inner]
    return tuple(path for path in found if path and path[0] not in own)


def _keys_of(node: nodes.Node) -> tuple[str, ...]:
    """`("steps", "a", "output")` of `steps.a["output"].x[0]`: up to the first key that is no word."""
    keys: list[str | None] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getattr):
            keys.append(node.attr)
        else:
            word = node.arg.value if isinstance(node.arg, nodes.Const) else None
            keys.append(word if isinstance(word, str) else None)
        node = node.node
    if not isinstance(node, nodes.Name):
        return ()
    path = [node.name]
    for key in reversed(keys):
        if key is None:
            break
        path.append(key)
    return tuple(path)


def has_template(value: Any) -> bool:
    """True when `render_value` would compile something in `value`."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, dict):
        return any(map(has_template, value.values()))
    return isinstance(value, list) and any(map(has_template, value))


def render_value(value: Any, context: Mapping[str, Any], resolve: Resolve | None = None) -> Any:
    """`value` with every string in it rendered; keys and strings without a template stay as they are."""
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            return compile_template(value).render(context, resolve)
        return value
    if isinstance(value, dict):
        return {key: render_value(item, context, resolve) for key, item in value.items()}
    if isinstance(value, list):
        return [render_value(item, context, resolve) for item in value]
    return value


def _parse(source: str) -> nodes.Template:
    _check_source(source)
    try:
        return ENVIRONMENT.parse(source)
    except _COMPILE_FAULTS as fault:
        raise _compile_error(fault) from None


def _parse_expression(source: str) -> nodes.Expr:
    text = source.strip()
    if text.startswith("{{"):
        expression = _whole_expression(_parse(text))
        if expression is None:
            raise TemplateError("a condition is one expression: `x > 1` or `{{ x > 1 }}`", 1)
        return expression
    _check_source(text)
    try:
        parser = Parser(ENVIRONMENT, text, state="variable")
        expression = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail("text after the end of the expression", parser.stream.current.lineno)
    except _COMPILE_FAULTS as fault:
        raise _compile_error(fault) from None
    return expression


def _check_source(source: str) -> None:
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"the template is longer than {MAX_SOURCE:,} characters")


def _whole_expression(tree: nodes.Template) -> nodes.Expr | None:
    match tree.body:
        case [nodes.Output(nodes=[expression])] if not isinstance(expression, nodes.TemplateData):
            return expression
    return None


def _compile(tree: nodes.Template | nodes.Expr) -> jinja2.Template:
    try:
        checked = rewrite(tree)
        return ENVIRONMENT.from_string(checked if isinstance(tree, nodes.Template) else assign(checked))
    except _COMPILE_FAULTS as fault:
        raise _compile_error(fault) from None


def _compile_error(fault: BaseException) -> TemplateError:
    if isinstance(fault, jinja2.TemplateSyntaxError):
        return TemplateError(fault.message or "the template cannot be read", fault.lineno)
    if isinstance(fault, ValueError):
        return TemplateError("a number in the template is too long")
    return TemplateError("the template is nested too deeply")


def _run(
    template: jinja2.Template, context: Mapping[str, Any], resolve: Resolve | None, *, whole: bool
) -> Any:
    work = Work(resolve)
    token = WORK.set(work)
    try:
        scope = ENVIRONMENT.context_class(ENVIRONMENT, cast("dict[str, Any]", context), None, {})
        chunks = template.root_render_func(scope)
        return _value(scope, chunks, work) if whole else _text(chunks)
    except _RENDER_FAULTS as fault:
        raise TemplateError(_format_fault(fault), _line(template, fault)) from None
    finally:
        WORK.reset(token)


def _value(scope: Context, chunks: Any, work: Work) -> Any:
    for _ in chunks:
        pass
    value = scope.vars["result"]
    return resolve_value(value, work.resolve) if isinstance(value, dict | list) else value


def _text(chunks: Any) -> str:
    parts: list[str] = []
    size = 0
    for part in chunks:
        size += len(part)
        if size > MAX_OUTPUT:
            raise LimitError(f"the text is longer than {MAX_OUTPUT:,} characters")
        parts.append(part)
    return "".join(parts)


def _format_fault(fault: BaseException) -> str:
    if isinstance(fault, RecursionError):
        return "the value is nested too deeply"
    if isinstance(fault, jinja2.TemplateError):
        return fault.message or "the template cannot be rendered"
    if isinstance(fault, ZeroDivisionError):
        return "division by zero"
    return f"the template cannot be rendered: {fault}"


def _line(template: jinja2.Template, fault: BaseException) -> int | None:
    line = None
    trace = fault.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals is template.root_render_func.__globals__:
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return line
