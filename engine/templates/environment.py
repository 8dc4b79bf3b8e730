"""The sandbox: lookup of items only, bounded arithmetic, no globals.

Jinja2's generated code calls the environment for lookups and operators; every one of these calls ends
in a function of this file, so that no Python attribute of a value is ever within a template's reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.templates.filters import FILTER_TABLE, TEST_TABLE, kind_of, make_range
from engine.templates.lookup import item_of, lookup
from engine.templates.syntax import CONCAT, EACH, LOOKUP, NEED, RANGE, SLICE, TOGETHER, WEIGH
from engine.templates.work import (
    MAX_INTEGER_BITS,
    WORK,
    LimitError,
    Missing,
    bounded,
    check_length,
    finite,
    put_together,
    reach,
    reach_elements,
    to_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jinja2.nodes import EvalContext


def _slice(value: Any, start: int | None, stop: int | None, step: int | None) -> Any:
    value = reach_elements(value)
    if not isinstance(value, str | list):
        raise TypeError(f"a slice needs text or a list, not {kind_of(value)}")
    return value[start:stop:step]


def _concat(*parts: Any) -> str:
    texts = [to_text(part) for part in parts]
    check_length(sum(map(len, texts)))
    return bounded("".join(texts))


def _each(value: Any, price: int) -> Iterator[Any]:
    value = reach(value)
    if isinstance(value, Missing):
        value.fail()
    if not isinstance(value, list | dict):
        raise TypeError(f"a loop needs a list or an object, not {kind_of(value)}")
    work = WORK.get()
    for item in value:
        work.charge(price)
        yield reach(item)


def _need(value: Any) -> Any:
    if isinstance(value, Missing):
        value.fail()
    return value


def _weigh(value: Any) -> Any:
    if isinstance(value, list | dict):
        work = WORK.get()
        work.charge(work.nodes(value) >> 3)
    return value if isinstance(value, Undefined) else reach_elements(value)


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        check_length(len(left) + len(right))
        return bounded(left + right)
    if isinstance(left, list) and isinstance(right, list):
        check_length(len(left) + len(right))
        WORK.get().charge(len(left) + len(right))
        return put_together(left + right)
    return _arithmetic("+", left, right)


def _multiply(left: Any, right: Any) -> Any:
    if isinstance(right, str):
        left, right = right, left
    if isinstance(left, str) and isinstance(right, int):
        check_length(len(left) * max(right, 0))
        return bounded(left * right)
    return _arithmetic("*", left, right)


def _arithmetic(operator: str, left: Any, right: Any) -> Any:
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        raise TypeError(f"`{operator}` cannot be used on {kind_of(left)} and {kind_of(right)}")
    bits = _bits(left), _bits(right)
    wanted = bits[0] + bits[1] if operator == "*" else max(bits)
    if operator == "**" and isinstance(left, int) and isinstance(right, int):
        wanted = bits[0] * max(right, 0)
    if wanted > MAX_INTEGER_BITS:
        raise LimitError(f"`{operator}` would make a number of more than {MAX_INTEGER_BITS} bits")
    result = ImmutableSandboxedEnvironment.default_binop_table[operator](left, right)
    if isinstance(result, complex):
        raise TypeError("the result is not a real number")
    return finite(result)


def _bits(number: float) -> int:
    return number.bit_length() if isinstance(number, int) else 0


class DataContext(Context):
    """Names of a template: what they refer to, not the reference."""

    def resolve_or_missing(self, key: str) -> Any:
        """The variable, with a reference followed."""
        return reach(super().resolve_or_missing(key))


class DataEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox without attributes, calls or globals."""

    context_class = DataContext
    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self) -> None:
        # Without optimization: folding constants would evaluate filters and operators while compiling.
        super().__init__(undefined=Missing, finalize=_finalize, optimized=False, keep_trailing_newline=True)
        self.globals = {}
        self.filters = FILTER_TABLE | {
            LOOKUP: lookup,
            SLICE: _slice,
            CONCAT: _concat,
            RANGE: make_range,
            EACH: _each,
            NEED: _need,
            WEIGH: _weigh,
            TOGETHER: put_together,
        }
        self.tests = dict(TEST_TABLE)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Items only; a value has no attributes."""
        return item_of(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Items only; a value has no attributes."""
        return item_of(obj, argument)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Nothing can be called; the syntax check refuses it first."""
        raise TypeError("nothing can be called in a template")

    def call_filter(
        self,
        name: str,
        value: Any,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        context: Context | None = None,
        eval_ctx: EvalContext | None = None,
    ) -> Any:
        """A filter named by a value, as in `map('upper')`: only those of the closed list."""
        if name not in FILTER_TABLE:
            raise TypeError("map needs the name of a filter")
        return super().call_filter(name, value, args, kwargs, context, eval_ctx)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic with bounded results."""
        left, right = _need(left), _need(right)
        if operator == "+":
            return _add(left, right)
        return _multiply(left, right) if operator == "*" else _arithmetic(operator, left, right)


# Jinja2 evaluates constants while compiling unless the finalizer asks for the context.
@pass_context
def _finalize(context: Context, value: Any) -> str:
    return to_text(value)


ENVIRONMENT = DataEnvironment()
