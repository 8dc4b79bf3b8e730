"""Events of a run as rows of a list: all of them by number, or those that a filter finds."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.safe_text import sanitize
from screens.widgets.ages import clock_time, full_time, since_start
from screens.widgets.json.json_text import brief_json
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.rows import Cell, Cut, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from engine.contracts.runs.run import EventFilter, EventView
    from engine.facade.runs import Runs

WIDE, NARROW = 100, 78
"""Cells from which the log has room for whole times, and below which long kinds are cut."""


def event_columns(width: int) -> tuple[Column, ...]:
    """Who did it and why comes before the step, which leaves where there is no room for it."""
    return (
        Column("#", 6),
        Column("Time", 12 if width >= WIDE else 8, cut=Cut.CLIPPED),
        Column("Event", 25 if width >= NARROW else 18),
        Column("Who and why", 20, flex=6),
        Column("Step", 10, flex=2, rank=1),
    )


LOOKED_AT_ONCE = 5_000
"""Events that one search looks at: less than a key press is noticed to wait."""

_READ_AT_ONCE = 500
ENGINE = "engine"
"""Who does what no person does."""
_BAD_WORDS = ("failed", "denied", "refused", "dead_letter")


@dataclass(slots=True)
class EventFormat:
    """How events are written: times since `began` when that is set; events after `past` are quiet."""

    began: datetime | None = None
    past: int | None = None

    def row(self, event: EventView) -> Row:
        """One line; its key is the event's number in the run."""
        failed = any(word in event.kind for word in _BAD_WORDS)
        later = self.past is not None and event.run_seq > self.past
        time = clock_time(event.ts) if self.began is None else since_start(event.ts, self.began)
        return Row(
            str(event.run_seq),
            (
                Cell(sanitize(str(event.run_seq)), Tone.QUIET),
                Cell(sanitize(time), Tone.QUIET),
                Cell(sanitize(event.kind), Tone.QUIET if later else Tone.BAD if failed else Tone.PLAIN),
                _about(event, later=later),
                Cell(sanitize(event.step_id or ""), Tone.QUIET if later else Tone.PLAIN),
            ),
        )


@dataclass(slots=True)
class AllEvents:
    """Every event: the numbers of a run have no gaps, so the place of an event is its number less one.

    `newest` is the number of the last event known.
    """

    runs: Runs
    run_id: str
    written: EventFormat
    newest: int = 0

    async def count(self) -> int:
        """As many as the newest number."""
        return self.newest

    async def rows(self, start: int, stop: int) -> Sequence[Row]:
        """Read by number."""
        found: list[Row] = []
        while start < stop:
            limit = min(_READ_AT_ONCE, stop - start)
            events = await self.runs.events(self.run_id, after_run_seq=start, limit=limit)
            found += map(self.written.row, events)
            start += limit
        return found

    async def position(self, key: str) -> int | None:
        """The number says it."""
        return int(key) - 1 if key and int(key) <= self.newest else None


@dataclass(slots=True)
class FoundEvents:
    """The events that a filter finds; `scan` looks at a part of the run at a time."""

    runs: Runs
    run_id: str
    written: EventFormat
    wanted: EventFilter
    found: array[int]
    scanned_to: int = 0

    async def scan(self) -> bool:
        """Look further; True when the newest event was looked at."""
        matches = await self.runs.find_events(
            self.run_id, self.wanted, after_run_seq=self.scanned_to, limit=LOOKED_AT_ONCE
        )
        self.found.extend(matches.run_seqs)
        self.scanned_to = matches.scanned_to
        return matches.ended

    async def count(self) -> int:
        """Found so far."""
        return len(self.found)

    async def rows(self, start: int, stop: int) -> Sequence[Row]:
        """Read in few pieces: neighbors come together."""
        found: list[Row] = []
        for numbers in _pieces(self.found[start:stop]):
            wanted = set(numbers)
            first, last = numbers[0], numbers[-1]
            events = await self.runs.events(self.run_id, after_run_seq=first - 1, limit=last - first + 1)
            found += [self.written.row(event) for event in events if event.run_seq in wanted]
        return found

    async def position(self, key: str) -> int | None:
        """By bisection: the numbers ascend."""
        if not key:
            return None
        place = bisect_left(self.found, int(key))
        return place if place < len(self.found) and self.found[place] == int(key) else None


def found_events(runs: Runs, run_id: str, written: EventFormat, wanted: EventFilter) -> FoundEvents:
    """Nothing is found before the first scan."""
    return FoundEvents(runs, run_id, written, wanted, array("Q"))


def _pieces(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Ascending numbers in pieces that one read brings."""
    piece: list[int] = []
    for number in numbers:
        if piece and number - piece[0] >= _READ_AT_ONCE:
            yield piece
            piece = []
        piece.append(number)
    if piece:
        yield piece


def _about(event: EventView, *, later: bool) -> Cell:
    """Who did it, unless the engine did, and why; then its data."""
    words, used = _why(event.payload)
    if event.actor != ENGINE:
        words = f"{event.actor}: {words}" if words else event.actor
    data = {key: value for key, value in event.payload.items() if key not in used}
    told = [words] if words else []
    if data:
        told.append(brief_json(data)[:300])
    return Cell(sanitize(" · ".join(told), limit=600), Tone.PLAIN if words and not later else Tone.QUIET)


def _why(payload: Mapping[str, Any]) -> tuple[str, set[str]]:
    """What was decided and said, what went wrong, and why; with the fields that say so."""
    words: dict[str, str] = {}
    for field in ("decision", "outcome", "subject"):
        if isinstance(value := payload.get(field), str):
            words[field] = value.lower() if field == "decision" else value
    error = payload.get("error")
    if isinstance(error, dict) and "code" in error:
        words["error"] = f"{error['code']}: {error.get('message', '')}"
    for field in ("reason", "comment"):
        if isinstance(value := payload.get(field), str) and value:
            words[field] = value
    return ", ".join(" ".join(text.split()) for text in words.values()), set(words)


def format_event(event: EventView) -> str:
    """One line about an event."""
    step = f" · {event.step_id}" if event.step_id else ""
    return f"event {event.run_seq} · {event.kind}{step} · {event.actor} · {full_time(event.ts)}"
