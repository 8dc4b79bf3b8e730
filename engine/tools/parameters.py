"""Checking a tool's parameters against its JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from engine.tools.quick_check import quick_check

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

Fault = tuple[str, str]
"""Where (JSON pointer, `""` for the whole) and what."""
ParameterCheck = Callable[[Any], list[Fault]]

_MAX_FAULTS = 20
_MAX_WORDS = 400
_ONLY_AN_OBJECT: Mapping[str, Any] = {"type": "object"}


def parameter_check(schema: Mapping[str, Any]) -> ParameterCheck:
    """A check compiled once per tool; it returns every fault (20 at most), none when all is well.

    Raises ValueError when the schema itself is broken.
    """
    if schema == _ONLY_AN_OBJECT:
        return _check_object
    quick = quick_check(schema)
    if quick is None:
        return _validator_check(schema)
    slow: list[ParameterCheck] = []

    def check(params: Any) -> list[Fault]:
        if quick(params):
            return []
        if not slow:
            slow.append(_validator_check(schema))
        return slow[0](params)

    return check


def _validator_check(schema: Mapping[str, Any]) -> ParameterCheck:
    validator_class = _validator_class()
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415 - see _validator_class

    try:
        validator_class.check_schema(dict(schema))
    except SchemaError as error:
        raise ValueError(f"not a JSON Schema: {error.message}") from error
    validator = validator_class(schema)

    def check(params: Any) -> list[Fault]:
        return [
            ("".join(f"/{part}" for part in error.absolute_path), _format_fault(error))
            for error in islice(validator.iter_errors(params), _MAX_FAULTS)
        ]

    return check


def _check_object(params: Any) -> list[Fault]:
    return [] if isinstance(params, dict) else [("", "the parameters are not an object")]


def _format_fault(error: ValidationError) -> str:
    # the validator's message quotes the value: useful while it is small
    if len(error.message) <= _MAX_WORDS:
        return error.message
    return f"the value breaks the rule {error.validator}: {str(error.validator_value)[:_MAX_WORDS]}"


@cache
def _validator_class() -> type[Validator]:
    # imported at the first use: jsonschema costs more than the whole rest of the tool layer
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    return Draft202012Validator
