"""JSON of events and mail, as the journal stores it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from engine.errors import EventUnreadable
from engine.journal.records import StoredEvent
from engine.machine.events.table import read_event
from engine.machine.model.codec import input_from_json, input_to_json

if TYPE_CHECKING:
    from engine.machine.model.inputs import Input


def encode(value: Any) -> str:
    """Compact JSON text."""
    return to_json(value).decode()


def decode(text: str | bytes) -> Any:
    """The inverse of `encode`."""
    return from_json(text)


def encode_input(given: Input) -> str:
    """An input as mailbox text."""
    return encode(input_to_json(given))


def decode_input(text: str) -> Input:
    """The inverse of `encode_input`."""
    return input_from_json(decode(text))


def stored_event(row: Any) -> StoredEvent:
    """An events row."""
    try:
        event = read_event(row["kind"], row["ts"], row["actor"], row["step_id"], decode(row["payload"]))
    except EventUnreadable as error:
        raise error.of_run(row["run_id"], row["run_seq"]) from None
    return StoredEvent(row["seq"], row["run_id"], row["run_seq"], event)
