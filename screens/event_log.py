"""The event log of a run: follows the newest line while the cursor stands on the last one."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.columns import Column
from screens.json_text import brief_json
from screens.moments import clock_time
from screens.row_table import Cell, Row, RowTable
from screens.status_words import Tone

if TYPE_CHECKING:
    from engine.contracts.run import EventView
    from engine.facade import Runs

KEPT_EVENTS = 2_000
"""Lines in memory: the newest ones."""

_PAGE = 500
_COLUMNS = (
    Column("#", 5),
    Column("Time", 12),
    Column("Event", 18, flex=1),
    Column("Step", 12, flex=1),
    Column("By", 10, flex=1, rank=1),
    Column("Data", 24, flex=6),
)


class EventLog(RowTable):
    """Rows of events; the key of a row is its number in the run."""

    HELP = (
        "The event log of the run. On the last line it follows: new events scroll in. "
        "{list.open} shows an event in full."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(_COLUMNS, id=id)
        self._events: deque[EventView] = deque(maxlen=KEPT_EVENTS)
        self._lines: deque[Row] = deque(maxlen=KEPT_EVENTS)

    async def catch_up(self, runs: Runs, run_id: str) -> None:
        """Read what came since the last line."""
        following = not self.rows or self.cursor_key == self.rows[-1].key
        came = False
        while True:
            after = self._events[-1].run_seq if self._events else 0
            events = await runs.events(run_id, after_run_seq=after, limit=_PAGE)
            for event in events:
                self._events.append(event)
                self._lines.append(_row(event))
            came = came or bool(events)
            if len(events) < _PAGE:
                break
        if came:
            self.show(tuple(self._lines))
            if following:
                self.action_cursor_bottom()

    def event(self, key: str) -> EventView | None:
        """The event of a row."""
        return next((event for event in self._events if str(event.run_seq) == key), None)


def _row(event: EventView) -> Row:
    failed = "failed" in event.kind or "denied" in event.kind or "refused" in event.kind
    return Row(
        str(event.run_seq),
        (
            Cell(sanitize(str(event.run_seq)), Tone.QUIET),
            Cell(sanitize(clock_time(event.ts)), Tone.QUIET),
            Cell(sanitize(event.kind), Tone.BAD if failed else Tone.PLAIN),
            Cell(sanitize(event.step_id or "")),
            Cell(sanitize(event.actor), Tone.QUIET),
            Cell(sanitize(brief_json(event.payload) if event.payload else "", limit=300), Tone.QUIET),
        ),
    )
