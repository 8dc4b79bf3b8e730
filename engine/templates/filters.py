"""The closed list of filters and tests. All are pure and make new values; sizes are checked beforehand.

Those that Jinja2 has in a safe form are taken from it; the rest are written here, because Jinja2's own
can make a result without bound (`replace`, `batch`, `round`) or hide a failure (`int`, `float`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import groupby
from typing import Any, NoReturn

from jinja2 import Undefined
from jinja2.filters import FILTERS
from jinja2.tests import TESTS

from engine.templates.lookup import attribute_of
from engine.templates.work import (
    MAX_RANGE,
    LimitError,
    Missing,
    bounded,
    check_length,
    finite,
    put_together,
    reach_elements,
    to_json,
    to_text,
)
from engine.values import BLOB_KEY, IMAGE_KEY, LIST_KEY, looks_like_reference

_UNSET: Any = object()


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} needs text, not {kind_of(value)}")
    return value


def kind_of(value: Any) -> str:
    """The kind of a value in words of JSON."""
    names = {str: "text", bool: "a boolean", int: "a number", float: "a number", dict: "an object"}
    if value is None:
        return "null"
    return "a list" if isinstance(value, list) else names.get(type(value), "something else")


def _list(value: Any, what: str) -> list[Any]:
    if isinstance(value, dict):
        return list(value)
    if not isinstance(value, list):
        raise TypeError(f"{what} needs a list, not {kind_of(value)}")
    return value


def _basename(value: Any) -> str:
    """The last part of a path, of either kind of slash."""
    text = _text(value, "basename").rstrip("/\\")
    return text.replace("\\", "/").rpartition("/")[2]


def _join(value: Any, separator: str = "", attribute: str | int | None = None) -> str:
    items = _list(value, "join")
    texts = [to_text(attribute_of(item, attribute) if attribute is not None else item) for item in items]
    check_length(sum(map(len, texts)) + len(_text(separator, "join")) * max(len(texts) - 1, 0))
    return bounded(separator.join(texts))


def _replace(value: Any, old: str, new: str, count: int = -1) -> str:
    text = _text(value, "replace")
    found = text.count(_text(old, "replace"))
    times = found if count < 0 else min(found, count)
    check_length(len(text) + times * (len(_text(new, "replace")) - len(old)))
    return bounded(text.replace(old, new, count))


def _to_int(value: Any, default: Any = _UNSET) -> Any:
    try:
        return int(value.strip(), 10) if isinstance(value, str) else int(finite(value))
    except (TypeError, ValueError):
        return _fallback(default, "int")


def _to_float(value: Any, default: Any = _UNSET) -> Any:
    try:
        return finite(float(value))
    except (TypeError, ValueError):
        return _fallback(default, "float")


def _from_json(value: Any) -> Any:
    """The value of a JSON text. What is shaped like a reference of ours is refused: it is none."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"fromjson: {constant} is no JSON")

    def plain(found: dict[str, Any]) -> dict[str, Any]:
        if looks_like_reference(found):
            raise ValueError(
                f"fromjson: keys that begin with {BLOB_KEY}, {LIST_KEY} or {IMAGE_KEY} are not taken"
            )
        return found

    try:
        return json.loads(_text(value, "fromjson"), parse_constant=refuse, object_hook=plain)
    except json.JSONDecodeError as error:
        raise ValueError(f"fromjson: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("fromjson: the value is nested too deep") from None


def _fallback(default: Any, name: str) -> Any:
    if default is _UNSET:
        raise ValueError(f"{name}: the value is no number; `{name}(0)` would give 0 instead")
    return default


def _round(value: float, precision: int = 0) -> float:
    if not -15 <= precision <= 15:
        raise ValueError("round: precision must be -15 to 15")
    return finite(float(round(value, precision)))


def _truncate(value: Any, length: int = 255, killwords: bool = False, end: str = "…") -> str:
    text = _text(value, "truncate")
    if length < len(end):
        raise ValueError("truncate: length is shorter than the mark of the cut")
    if len(text) <= length:
        return text
    kept = text[: length - len(end)]
    return (kept if killwords else kept.rsplit(" ", 1)[0]) + end


def _sum(value: Any, attribute: str | int | None = None, start: float = 0) -> float:
    items = _list(value, "sum")
    numbers = [attribute_of(item, attribute) for item in items] if attribute is not None else items
    if not all(isinstance(number, int | float) for number in (start, *numbers)):
        raise TypeError("sum needs numbers")
    return finite(sum(numbers, start))


def _batch(value: Any, size: int, fill: Any = _UNSET) -> list[list[Any]]:
    items = _list(value, "batch")
    if not 1 <= size <= MAX_RANGE:
        raise ValueError(f"batch: the size must be 1 to {MAX_RANGE:,}")
    rows = [items[start : start + size] for start in range(0, len(items), size)]
    if rows and fill is not _UNSET:
        rows[-1] = rows[-1] + [fill] * (size - len(rows[-1]))
    return rows


def _items(value: Any) -> list[list[Any]]:
    if not isinstance(value, dict):
        raise TypeError(f"items needs an object, not {kind_of(value)}")
    return [[key, item] for key, item in value.items()]


def _dictsort(value: Any, by: str = "key", reverse: bool = False) -> list[list[Any]]:
    if by not in ("key", "value"):
        raise ValueError("dictsort: by must be 'key' or 'value'")
    return sorted(_items(value), key=lambda pair: pair[1 if by == "value" else 0], reverse=reverse)


def _groupby(value: Any, attribute: str | int) -> list[list[Any]]:
    def key(item: Any) -> Any:
        return attribute_of(item, attribute)

    ordered = sorted(_list(value, "groupby"), key=key)
    return [[name, list(members)] for name, members in groupby(ordered, key=key)]


def _to_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, str) else list(_list(value, "list"))


def _length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise TypeError(f"length needs text, a list or an object, not {kind_of(value)}")
    return len(value)


def _unique(value: Any, attribute: str | int | None = None) -> list[Any]:
    found: dict[str, Any] = {}
    for item in _list(value, "unique"):
        found.setdefault(to_json(attribute_of(item, attribute) if attribute is not None else item), item)
    return list(found.values())


def _absolute(value: Any) -> Any:
    if not isinstance(value, int | float):
        raise TypeError(f"abs needs a number, not {kind_of(value)}")
    return abs(value)


def _case(method: Callable[[str], str], name: str) -> Callable[[Any], str]:
    return lambda value: bounded(method(_text(value, name)))


def make_range(start: int, stop: int | None = None, step: int = 1) -> list[int]:
    """`range(...)` as a list of at most MAX_RANGE numbers."""
    numbers = range(start) if stop is None else range(start, stop, step)
    if len(numbers) > MAX_RANGE:
        raise LimitError(f"range is limited to {MAX_RANGE:,} numbers")
    return list(numbers)


def _guard(name: str, filter_: Callable[..., Any]) -> Callable[..., Any]:
    """Hand the filter what its value refers to, charge for it, and turn lazy results into lists."""
    place = 0 if not hasattr(filter_, "jinja_pass_arg") else 1

    @wraps(filter_)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        for given in (*args[place:], *kwargs.values()):
            if isinstance(given, Missing):
                given.fail()
        result = filter_(*args[:place], reach_elements(args[place]), *args[place + 1 :], **kwargs)
        result = _present(result) if isinstance(result, Iterator) else result
        return put_together(result) if name in _REPEATING else result

    return guarded


def _default(value: Any, default: Any = "", boolean: bool = False) -> Any:
    return default if isinstance(value, Undefined) or (boolean and not value) else value


def _present(items: Iterator[Any]) -> list[Any]:
    found = list(items)
    for item in found:
        if isinstance(item, Missing):
            item.fail()
    return found


_OWN: dict[str, Callable[..., Any]] = {
    "abs": _absolute,
    "basename": _basename,
    "batch": _batch,
    "count": _length,
    "dictsort": _dictsort,
    "float": _to_float,
    "fromjson": _from_json,
    "groupby": _groupby,
    "int": _to_int,
    "items": _items,
    "join": _join,
    "length": _length,
    "list": _to_list,
    "lower": _case(str.lower, "lower"),
    "replace": _replace,
    "round": _round,
    "string": to_text,
    "sum": _sum,
    "tojson": to_json,
    "trim": _case(str.strip, "trim"),
    "truncate": _truncate,
    "unique": _unique,
    "upper": _case(str.upper, "upper"),
}
_FROM_JINJA = (
    *("first", "last", "map", "max", "min", "reject", "rejectattr", "select", "selectattr", "sort"),
)
_REPEATING = frozenset({"batch", "map"})
"""Filters that can put one value into many places: what fills a batch, the default of an attribute."""
_TESTS = (
    *("defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string"),
    *("mapping", "sequence", "iterable", "odd", "even", "divisibleby", "in", "lower", "upper"),
    *(
        "eq",
        "equalto",
        "==",
        "ne",
        "!=",
        "lt",
        "lessthan",
        "<",
        "le",
        "<=",
        "gt",
        "greaterthan",
        ">",
        "ge",
        ">=",
    ),
)

FILTER_TABLE = {name: _guard(name, filter_) for name, filter_ in _OWN.items()} | {
    name: _guard(name, FILTERS[name]) for name in _FROM_JINJA
}
# The only ones that may meet a missing value.
FILTER_TABLE |= {"d": _default, "default": _default}
TEST_TABLE = {name: TESTS[name] for name in _TESTS}
