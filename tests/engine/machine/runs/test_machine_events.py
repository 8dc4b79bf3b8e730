"""Event kinds: one class each, one closed table, versions; a new kind is its class and its registration."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from engine.errors import ErrorCode, EventUnreadable
from engine.frozen import frozen, replace
from engine.journal.encoding import encode, stored_event
from engine.machine.events.event import Event, Fact, doc
from engine.machine.events.fold import fold
from engine.machine.events.run_facts import RunPauseRequested, RunQueued, RunStarted
from engine.machine.events.step_facts import StepRecovered, StepStarted
from engine.machine.events.table import FACTS, read_event

if TYPE_CHECKING:
    from engine.machine.model.state import RunState


@frozen
class PayloadNoted(Fact):
    """Somebody noted something on the run."""

    kind: ClassVar[str] = "payload_noted"
    note: str = field(metadata=doc("what"))

    def apply(self, state: RunState, event: Event) -> RunState:
        return replace(state, payload={"note": self.note, "by": event.actor})


def row(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "seq": 7,
        "run_id": "run_1",
        "run_seq": 2,
        "ts": 5,
        "kind": kind,
        "step_id": "a",
        "actor": "ana",
        "payload": encode(payload),
    }


def test_a_new_kind_is_its_class_and_its_registration() -> None:
    undo = FACTS.add(PayloadNoted)
    try:
        event = Event(PayloadNoted("hello"), 1, "ana", via="cli")
        again = read_event(event.kind, event.ts, event.actor, event.step_id, event.payload)
        assert again == event
        assert fold([Event(RunQueued(), 0, "ana"), again]).payload == {"note": "hello", "by": "ana"}
    finally:
        undo()
    with pytest.raises(EventUnreadable):
        read_event("payload_noted", 1, "ana", None, {"note": "hello"})


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="run_queued"):
        FACTS.add(RunQueued)


def test_an_unknown_kind_names_itself_and_its_run() -> None:
    with pytest.raises(EventUnreadable, match=r"event 2 of run run_1 .*moon_landed") as caught:
        stored_event(row("moon_landed", {}))

    assert caught.value.code is ErrorCode.JOURNAL_CORRUPT
    assert caught.value.details == {"kind": "moon_landed", "run_id": "run_1", "run_seq": 2}


def test_a_later_version_of_a_kind_names_itself_and_its_run() -> None:
    with pytest.raises(EventUnreadable, match="run_started is of version 9") as caught:
        stored_event(row(RunStarted.kind, {"v": 9}))

    assert caught.value.details["run_id"] == "run_1"


@pytest.mark.parametrize("payload", [{}, {"recoveries": 1, "moon": 2}])
def test_a_payload_that_is_not_its_kind_is_not_guessed(payload: dict[str, Any]) -> None:
    with pytest.raises(EventUnreadable, match="recoveries, attempt"):
        stored_event(row(StepRecovered.kind, payload))


def test_the_first_version_of_a_start_is_read_as_the_present_one() -> None:
    old = {"type": "tool", "name": "A", "input": {"x": 1}}

    assert stored_event(row(StepStarted.kind, old)).event.payload == {**old, "call": True, "v": 2}
    assert "call" not in stored_event(row(StepStarted.kind, {**old, "type": "subflow"})).event.payload


def test_where_it_was_done_from_comes_back() -> None:
    event = stored_event(row(RunPauseRequested.kind, {"via": "console"})).event

    assert event.via == "console"
    assert event.payload == {"via": "console"}
