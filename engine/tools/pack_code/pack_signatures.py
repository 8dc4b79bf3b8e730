"""From the functions of a pack's `tools.py` to JSON Schemas. Runs inside the pack's own process."""

from __future__ import annotations

import inspect
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

CONTEXT = "context"
_PLAIN = (str, int, float, bool, type(None))


def describe_module(module: types.ModuleType) -> dict[str, Any]:
    """`{"tools": [...], "problems": [{"line", "message"}]}` of the module's public functions."""
    tools: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    for name, function in vars(module).items():
        if name.startswith("_") or not isinstance(function, types.FunctionType):
            continue
        if function.__module__ != module.__name__:
            continue
        try:
            tools.append(_describe(name, function))
        except ValueError as error:
            line = inspect.unwrap(function).__code__.co_firstlineno
            problems.append({"line": line, "message": f"function {name}: {error}"})
    return {"tools": tools, "problems": problems}


def _describe(name: str, function: types.FunctionType) -> dict[str, Any]:
    """Raises ValueError naming what a tool cannot have."""
    if inspect.iscoroutinefunction(function):
        raise ValueError("a tool is a plain function, not `async def`")
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError, SyntaxError) as error:
        raise ValueError(f"its annotations cannot be read: {error}") from error
    properties: dict[str, Any] = {}
    required: list[str] = []
    parameters = inspect.signature(function).parameters
    for parameter in parameters.values():
        _require_named(parameter)
        if parameter.name == CONTEXT:
            continue
        if parameter.name not in hints:
            raise ValueError(f"parameter {parameter.name} has no type")
        properties[parameter.name] = _schema(parameter, hints[parameter.name])
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    return {
        "name": name,
        "description": inspect.getdoc(function) or "",
        "takes_context": CONTEXT in parameters,
        "parameters": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        },
    }


def _require_named(parameter: inspect.Parameter) -> None:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise ValueError(f"parameter {parameter} cannot be given by name")


def _schema(parameter: inspect.Parameter, hint: Any) -> dict[str, Any]:
    _require_json_type(parameter.name, hint)
    schema = TypeAdapter(hint).json_schema()
    if parameter.default is not parameter.empty:
        schema["default"] = parameter.default
    return schema


def _require_json_type(name: str, hint: Any) -> None:
    """Parameters arrive as JSON and are not converted, so a type JSON does not have would be a lie."""
    origin = get_origin(hint)
    if hint is Any or hint in _PLAIN or hint in (list, dict):
        return
    if origin is Literal and all(isinstance(value, _PLAIN) for value in get_args(hint)):
        return
    if origin is Annotated:
        _require_json_type(name, get_args(hint)[0])
        return
    if origin in (Union, types.UnionType, list):
        for part in get_args(hint):
            _require_json_type(name, part)
        return
    if origin is dict and get_args(hint)[0] is str:
        _require_json_type(name, get_args(hint)[1])
        return
    raise ValueError(
        f"parameter {name} has the type {hint!r}; allowed are str, int, float, bool, None, list, dict with "
        "str keys, Literal, Optional and Annotated"
    )
