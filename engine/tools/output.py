"""What a tool may return: JSON and nothing else, within a size."""

from __future__ import annotations

import json
from typing import Any

from engine.contracts.status import StepErrorCode
from engine.tools.failure import ToolFailure

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


def json_output(value: Any, max_bytes: int) -> Any:
    """The value as plain JSON data, a copy that shares nothing with the tool.

    Raises ToolFailure(contract_violation) for other types, keys that are not text, numbers that are
    not finite, text that is not valid Unicode, cycles, and more than `max_bytes` of UTF-8.
    """
    try:
        text = _encode(value)
        size = len(text) if text.isascii() else len(text.encode())
        if size > max_bytes:
            raise ToolFailure(
                StepErrorCode.CONTRACT_VIOLATION,
                f"the tool returned {size} bytes, more than the limit of {max_bytes}",
                details={"size": size, "limit": max_bytes},
            )
        plain = _decode(text)
        # numbers as keys, tuples and the like are encoded silently; only a true copy is equal
        faithful = plain == value
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise _violation(str(error)) from error
    if not faithful:
        raise _violation("it holds keys that are not text, tuples or other types JSON does not have")
    return plain


def _violation(reason: str) -> ToolFailure:
    return ToolFailure(
        StepErrorCode.CONTRACT_VIOLATION, f"the tool returned a value that is not JSON: {reason}"
    )
