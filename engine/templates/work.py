"""What one rendering may use up, and how it turns values into text."""

from __future__ import annotations

import json
import math
from contextvars import ContextVar
from typing import Any, NoReturn

from jinja2 import StrictUndefined, UndefinedError

from engine.errors import InvalidInput
from engine.values import BlobNeeded, Resolve, follow, is_blob, resolve_value

MAX_SOURCE = 20_000
"""Characters of a template's source."""
MAX_OUTPUT = 1_000_000
"""Characters of any text a template makes."""
MAX_RANGE = 10_000
"""Elements of `range(...)`."""
MAX_WORK = 2_000_000
"""Nodes evaluated and elements looked at in one rendering (about half a second)."""
MAX_NODES = 4_000_000
"""Of a list or an object that a template puts together, written out; 16 characters of a text count as one."""
MAX_INTEGER_BITS = 256
"""Size of integers that arithmetic may make."""


class TemplateError(InvalidInput):
    """A template that cannot be compiled or rendered; `line` counts from 1 inside the template."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message, {"line": line} if line else None)
        self.line = line


class LimitError(ValueError):
    """A rendering wants more than the limits of this module."""


class Missing(StrictUndefined):
    """A value that is not there: every use but `default` and `is defined` raises, naming its path."""

    __slots__ = ()

    @property
    def path(self) -> str | None:
        """Dotted path that was asked for; None when there is none (the first element of nothing)."""
        return self._undefined_name

    @property
    def _undefined_message(self) -> str:
        return self._undefined_hint or f"there is no value at {self._undefined_name}"

    def fail(self) -> NoReturn:
        """Raise what any use of this value raises."""
        raise UndefinedError(self._undefined_message)


class Work:
    """One rendering: how blobs are reached and how much work is left."""

    __slots__ = ("_nodes", "left", "resolve")

    def __init__(self, resolve: Resolve | None) -> None:
        self.resolve: Resolve = resolve or _no_blobs
        self.left = MAX_WORK
        self._nodes: dict[int, tuple[Any, int]] = {}
        """Of each list and object that was counted; it is kept, so that no other one gets its id."""

    def charge(self, amount: int) -> None:
        """Use up `amount` units. Raises LimitError."""
        self.left -= amount
        if self.left < 0:
            raise LimitError(f"the template does more than {MAX_WORK:,} units of work")

    def nodes(self, value: Any) -> int:
        """How many values `value` is once it is written out: what stands in it twice is two."""
        if isinstance(value, str):
            return 1 + (len(value) >> 4)
        if not isinstance(value, list | dict):
            return 1
        known = self._nodes.get(id(value))
        if known is not None:
            return known[1]
        self.charge(len(value) >> 3)
        if isinstance(value, list):
            count = 1 + sum(map(self.nodes, value))
        elif is_blob(value):
            count = 1 + (int(value["size"]) >> 4)
        else:
            count = 1 + sum(map(self.nodes, value.values()))
        self._nodes[id(value)] = (value, count)
        return count


WORK: ContextVar[Work] = ContextVar("template_work")
"""The rendering under way in this task or thread; rendering never awaits, so it is never shared."""


def _no_blobs(digest: str) -> NoReturn:
    raise BlobNeeded(digest)


def reach(value: Any) -> Any:
    """`value`, with a reference followed."""
    if type(value) is dict and ("$blob" in value or "$list" in value):
        return follow(value, WORK.get().resolve)
    return value


def reach_elements(value: Any) -> Any:
    """`value` with a reference followed, and those directly inside it; charged by its length."""
    value = reach(value)
    if isinstance(value, list):
        WORK.get().charge(len(value))
        return [reach(item) for item in value]
    if isinstance(value, dict):
        WORK.get().charge(len(value))
        return {key: reach(item) for key, item in value.items()}
    if isinstance(value, str):
        WORK.get().charge(len(value) >> 6)
    return value


def put_together(value: Any) -> Any:
    """`value`, a list or an object of others. Raises LimitError when it would be too large written out."""
    if WORK.get().nodes(value) > MAX_NODES:
        raise LimitError(f"the template puts together more than {MAX_NODES:,} values")
    return value


def bounded(text: str) -> str:
    """`text`, charged by its length. Raises LimitError past MAX_OUTPUT."""
    check_length(len(text))
    WORK.get().charge(len(text) >> 6)
    return text


def check_length(length: int) -> None:
    """Raises LimitError when text of `length` characters would pass MAX_OUTPUT."""
    if length > MAX_OUTPUT:
        raise LimitError(f"the result is longer than {MAX_OUTPUT:,} characters")


def to_text(value: Any) -> str:
    """A value inside text: JSON for lists and dicts, true/false, nothing for null."""
    if isinstance(value, str):
        return bounded(value)
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(finite(value))
    if isinstance(value, Missing):
        value.fail()
    return to_json(value)


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON text of a value. Raises TypeError for what is not data."""
    if isinstance(value, Missing):
        value.fail()
    if indent is not None and not 0 <= indent <= 8:
        raise ValueError("tojson: indent must be 0 to 8")
    resolved = resolve_value(value, WORK.get().resolve)
    return bounded(
        json.dumps(resolved, ensure_ascii=False, allow_nan=False, indent=indent, default=_not_data)
    )


def _not_data(value: Any) -> NoReturn:
    if isinstance(value, Missing):
        value.fail()
    raise TypeError("only data can become text")


def finite(number: float) -> float:
    """`number`. Raises ValueError for infinities and NaN, which JSON does not have."""
    if type(number) is float and not math.isfinite(number):
        raise ValueError("the number is not finite")
    return number
