"""JSON of events and mail, as the journal stores it.

A list of runs reads neither: the machine's kinds of them are loaded with the first one.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from engine.errors import EventUnreadable, Unavailable
from engine.journal.records import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from engine.machine.model.inputs import Input


def encode(value: Any) -> str:
    """Compact JSON text."""
    return str(_core().to_json(value), "utf-8")


def decode(text: str | bytes) -> Any:
    """The inverse of `encode`."""
    return _core().from_json(text)


@cache
def _core() -> ModuleType:
    """What writes and reads JSON; most lists show nothing that has to be read by it."""
    import pydantic_core  # noqa: PLC0415 - see above

    return pydantic_core


def encode_input(given: Input) -> str:
    """An input as mailbox text."""
    from engine.machine.model.codec import input_to_json  # noqa: PLC0415 - see above

    return encode(input_to_json(given))


def readable_input(text: str) -> Input | None:
    """The inverse of `encode_input`; None for what this program cannot read."""
    from engine.machine.model.codec import input_from_json  # noqa: PLC0415 - see above

    try:
        return input_from_json(decode(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def stored_event(row: Any) -> StoredEvent:
    """An events row. Raises EventUnreadable (`journal_corrupt`), naming the run."""
    from engine.machine.events.table import read_event  # noqa: PLC0415 - see above

    run_id, run_seq = row["run_id"], row["run_seq"]
    actor, step_id = row["actor"], row["step_id"]
    if isinstance(actor, bytes) or isinstance(step_id, bytes):
        raise EventUnreadable("who acted, or where, is no text").of_run(run_id, run_seq)
    try:
        event = read_event(row["kind"], row["ts"], actor, step_id, decode(row["payload"]))
    except EventUnreadable as error:
        raise error.of_run(run_id, run_seq) from None
    except (ValueError, LookupError, TypeError) as error:
        raise EventUnreadable(str(error)).of_run(run_id, run_seq) from None
    return StoredEvent(row["seq"], run_id, run_seq, event)


def readable_events(rows: Iterable[Any]) -> list[StoredEvent]:
    """Events of rows, without those that cannot be read: they are told of where their run is looked at."""
    found: list[StoredEvent] = []
    for row in rows:
        with suppress(Unavailable):
            found.append(stored_event(row))
    return found
