"""A document whose list is written while it is read."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, Unavailable
from vasini_tui.output import Output

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def some(number: int, failure: Exception | None = None) -> AsyncIterator[object]:
    for item in range(number):
        yield {"n": item}
    if failure is not None:
        raise failure


CONTENT = {"run": "run-1", "steps": (), "forms": []}


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_what_cannot_be_read_to_its_end_is_still_one_document_and_says_why(number: int) -> None:
    stdout, damaged = io.StringIO(), Unavailable(ErrorCode.JOURNAL_CORRUPT, "step a is damaged")
    out = Output(as_json=True, stdout=stdout, stderr=io.StringIO())
    with pytest.raises(Unavailable):
        await out.long_document(CONTENT, "steps", some(number, damaged))
    out.error(damaged.code, damaged.message, damaged.details)
    assert json.loads(stdout.getvalue()) == {
        "run": "run-1",
        "steps": [{"n": item} for item in range(number)],
        "error": {"code": "journal_corrupt", "message": "step a is damaged", "details": {}},
    }


async def test_an_error_after_a_document_that_is_whole_is_its_own() -> None:
    stdout = io.StringIO()
    out = Output(as_json=True, stdout=stdout, stderr=io.StringIO())
    await out.long_document(CONTENT, "steps", some(2))
    out.error("usage", "no", {})
    whole, error = stdout.getvalue().splitlines()
    assert json.loads(whole) == {**CONTENT, "steps": [{"n": 0}, {"n": 1}]}
    assert json.loads(error)["error"]["code"] == "usage"
