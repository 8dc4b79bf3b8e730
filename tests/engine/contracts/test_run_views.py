"""Views that are made of our own rows, without a check."""

from __future__ import annotations

from typing import Any

from engine.contracts.model import unchecked
from engine.contracts.runs.run import EventView
from engine.contracts.times import from_micros

FIELDS: dict[str, Any] = {
    "seq": 7,
    "run_id": "run-1",
    "run_seq": 3,
    "ts": from_micros(1_000_000),
    "kind": "step_started",
    "step_id": None,
    "actor": "ana",
    "account": None,
    "via": "cli",
    "trace_id": None,
    "payload": {"n": 1},
}


def test_an_unchecked_view_is_what_a_checked_one_of_the_same_values_is() -> None:
    made = unchecked(EventView, **FIELDS)
    checked = EventView(**FIELDS)
    assert (made, hash(made.kind), repr(made)) == (checked, hash(checked.kind), repr(checked))
    assert made.model_dump_json() == checked.model_dump_json()
    assert made.model_copy(update={"seq": 8}).seq == 8
