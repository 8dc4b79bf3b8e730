"""JSON that a model was asked for, as models write it."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

_FENCE = "```"
_END_OF_THOUGHTS = "</think>"


def json_in(text: str) -> Any:
    """The value that an answer is, alone or in a fenced block. Raises ValueError.

    Servers that do not know how a model thinks send its thoughts before the answer: these are passed over.
    """
    try:
        return _value(text)
    except ValueError:
        _, thought, answer = text.rpartition(_END_OF_THOUGHTS)
        if not thought:
            raise
        return _value(answer)


def _value(text: str) -> Any:
    first, _, rest = text.strip().partition("\n")
    block, _, last = rest.rpartition("\n")
    fenced = first.strip() in {_FENCE, f"{_FENCE}json"} and last.strip() == _FENCE
    return from_json(block if fenced else text, allow_inf_nan=False)
