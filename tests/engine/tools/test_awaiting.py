"""What a tool of a pack returns to wait for an answer, and what it is not."""

from __future__ import annotations

from typing import Any

import pytest

from engine.tools.awaiting import MAX_FORM, awaited_answer
from engine.tools.failure import ToolFailure


@pytest.mark.parametrize("data", [None, [], "x", {"callback_pending": {"title": "x"}, "more": 1}, {"a": 1}])
def test_data_are_data(data: Any) -> None:
    assert awaited_answer(data) is None


def test_a_form_with_the_time_it_waits() -> None:
    found = awaited_answer({"callback_pending": {"title": "Go?", "expires_in": 60}})
    assert found is not None
    assert (found.form.form_id, found.form.prompt, found.expires_in) == ("answer", "Go?", 60)


@pytest.mark.parametrize(
    "asked", [{"color": "red"}, {}, "x", {"title": "x", "expires_in": -1}, {"title": "x" * MAX_FORM}]
)
def test_what_is_no_form_is_a_failure_with_its_place(asked: Any) -> None:
    with pytest.raises(ToolFailure, match="callback_pending"):
        awaited_answer({"callback_pending": asked})
