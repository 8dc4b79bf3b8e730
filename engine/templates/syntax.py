"""What a template may say. Jinja2's tree is checked against a closed list and rewritten for the sandbox.

Rewriting turns every path (`steps.x.output.y`) into one lookup that knows its whole name, gives loops
their price, and puts `~`, slices and `range` behind functions that check sizes. The names of these
inner filters start with a character no template can write.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError, nodes

from engine.templates.filters import FILTER_TABLE, TEST_TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKUP, SLICE, CONCAT, RANGE, EACH, NEED, WEIGH, TOGETHER = (
    "·lookup",
    "·slice",
    "·concat",
    "·range",
    "·each",
    "·need",
    "·weigh",
    "·together",
)

_ALLOWED = frozenset(
    {
        nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign,
        nodes.Name, nodes.Const, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.CondExpr,
        nodes.Filter, nodes.Test, nodes.Keyword, nodes.Call, nodes.Getattr, nodes.Getitem, nodes.Slice,
        nodes.Concat, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos,
        nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow,
    }
)  # fmt: skip
_WORDS = {
    "AssignBlock": "set block",
    "CallBlock": "call",
    "FilterBlock": "filter",
    "FromImport": "from",
    "NSRef": "set of a field",
    "Scope": "autoescape",
}
_RESERVED = frozenset({"self", "super", "caller", "varargs", "kwargs"})


def assign(expression: nodes.Expr) -> nodes.Template:
    """A tree that puts the value of `expression` into the variable `result`; it must not be missing."""
    value = _inner(NEED, expression)
    return nodes.Template(
        [nodes.Assign(nodes.Name("result", "store"), value, lineno=expression.lineno)], lineno=1
    )


def rewrite(node: nodes.Node) -> Any:
    """The node to compile instead of `node`. Raises TemplateSyntaxError for what is not allowed."""
    kind = type(node)
    if kind not in _ALLOWED:
        _refuse(node, f"`{_word_for(kind)}` is not available in templates")
    special = _REWRITES.get(kind)
    if special is not None:
        return special(node)
    _rewrite_children(node)
    return node


def _rewrite_children(node: nodes.Node) -> None:
    for field, value in node.iter_fields():
        if isinstance(value, list):
            setattr(node, field, [rewrite(item) if isinstance(item, nodes.Node) else item for item in value])
        elif isinstance(value, nodes.Node):
            setattr(node, field, rewrite(value))


def _word_for(kind: type[nodes.Node]) -> str:
    """The word of a template's author for a kind of node."""
    return _WORDS.get(kind.__name__, kind.__name__.lower())


def _refuse(node: nodes.Node, message: str) -> None:
    raise TemplateSyntaxError(message, node.lineno or 1)


def _inner(name: str, node: Any, *args: Any) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)


def _constant(value: Any, like: nodes.Node) -> nodes.Const:
    return nodes.Const(value, lineno=like.lineno)


def _name(node: nodes.Name) -> nodes.Node:
    if node.name in _RESERVED:
        _refuse(node, f"the name `{node.name}` is reserved")
    return node


def _const(node: nodes.Const) -> nodes.Node:
    if isinstance(node.value, float) and not math.isfinite(node.value):
        _refuse(node, "the number is too large")
    return node


def _path(node: nodes.Getattr | nodes.Getitem) -> nodes.Node:
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
        ends = (node.arg.start, node.arg.stop, node.arg.step)
        return _inner(SLICE, rewrite(node.node), *(rewrite(e) if e else _constant(None, node) for e in ends))
    keys: list[nodes.Node] = []
    root: nodes.Node = node
    while isinstance(root, nodes.Getattr) or (
        isinstance(root, nodes.Getitem) and not isinstance(root.arg, nodes.Slice)
    ):
        keys.append(_constant(root.attr, root) if isinstance(root, nodes.Getattr) else rewrite(root.arg))
        root = root.node
    name = root.name if isinstance(root, nodes.Name) else None
    return _inner(LOOKUP, rewrite(root), _constant(name, root), *reversed(keys))


def _call(node: nodes.Call) -> nodes.Node:
    if not (isinstance(node.node, nodes.Name) and node.node.name == "range"):
        _refuse(node, "nothing can be called here except range(); use a filter: `{{ value | upper }}`")
    if not 1 <= len(node.args) <= 3 or node.kwargs or node.dyn_args or node.dyn_kwargs:
        _refuse(node, "range takes one to three numbers")
    first, *rest = (rewrite(argument) for argument in node.args)
    return _inner(RANGE, first, *rest)


def _filter(node: nodes.Filter) -> nodes.Node:
    return _checked(node, FILTER_TABLE, "filter")


def _test(node: nodes.Test) -> nodes.Node:
    return _checked(node, TEST_TABLE, "test")


def _checked(node: nodes.Filter | nodes.Test, known: dict[str, Any], what: str) -> nodes.Node:
    if node.name not in known:
        _refuse(node, f"there is no {what} named `{node.name}`; there are: {', '.join(sorted(known))}")
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        _refuse(node, f"the {what} `{node.name}` cannot take `*` arguments")
    _rewrite_children(node)
    return node


def _elements(node: nodes.List | nodes.Tuple) -> nodes.Node:
    if isinstance(node, nodes.Tuple) and node.ctx == "store":
        _rewrite_children(node)
        return node
    items = nodes.List([_inner(NEED, rewrite(item)) for item in node.items], lineno=node.lineno)
    return _inner(TOGETHER, items)


def _object(node: nodes.Dict) -> nodes.Node:
    _rewrite_children(node)
    return _inner(TOGETHER, node)


def _pair(node: nodes.Pair) -> nodes.Node:
    node.key = rewrite(node.key)
    node.value = _inner(NEED, rewrite(node.value))
    return node


def _concat(node: nodes.Concat) -> nodes.Node:
    first, *rest = (rewrite(part) for part in node.nodes)
    return _inner(CONCAT, first, *rest)


def _condition(node: nodes.CondExpr) -> nodes.Node:
    if node.expr2 is None:
        node.expr2 = _constant(None, node)
    _rewrite_children(node)
    return node


def _compare(node: nodes.Compare) -> nodes.Node:
    _rewrite_children(node)
    node.expr = _inner(WEIGH, node.expr)
    for operand in node.ops:
        operand.expr = _inner(WEIGH, operand.expr)
    return node


def _loop(node: nodes.For) -> nodes.Node:
    if node.recursive:
        _refuse(node, "`recursive` loops are not available in templates")
    price = 1 + sum(1 for part in node.body for _ in part.find_all(nodes.Node))
    _rewrite_children(node)
    node.iter = _inner(EACH, node.iter, _constant(price, node))
    return node


_REWRITES: dict[type[nodes.Node], Callable[[Any], nodes.Node]] = {
    nodes.Name: _name,
    nodes.Const: _const,
    nodes.Getattr: _path,
    nodes.Getitem: _path,
    nodes.Call: _call,
    nodes.Filter: _filter,
    nodes.Test: _test,
    nodes.List: _elements,
    nodes.Tuple: _elements,
    nodes.Pair: _pair,
    nodes.Dict: _object,
    nodes.Concat: _concat,
    nodes.CondExpr: _condition,
    nodes.Compare: _compare,
    nodes.For: _loop,
}
