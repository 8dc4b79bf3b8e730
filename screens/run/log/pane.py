"""The log pane: every event of a run, filtered and searched by the engine, a page at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Input

from engine.safe_text import sanitize
from screens.frame.console import show_notice
from screens.frame.inputs import SearchLine
from screens.run.log.event_query import event_filter
from screens.run.log.event_rows import (
    AllEvents,
    EventFormat,
    FoundEvents,
    event_columns,
    format_event,
    found_events,
)
from screens.run.log.event_search import next_match, previous_match
from screens.run.pane import RunMoment, RunPane
from screens.widgets.json.json_tree import value_text
from screens.widgets.numbers import counted
from screens.widgets.plain import Plain
from screens.widgets.tables.line_table import LineTable
from screens.widgets.tables.paged_table import PagedTable
from screens.widgets.text_lines import TextLines, safe_lines

if TYPE_CHECKING:
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.events import Resize
    from textual.widget import Widget

    from engine.contracts.runs.run import EventFilter, EventView
    from screens.frame.console_state import ConsoleState

_REDRAW_SECONDS = 0.1
_HINT = "words  kind:NAME  step:ID  by:NAME"


class EventTable(PagedTable):
    """Every event, or those that the filter finds."""

    HELP = (
        "The events of the run. On the last line it follows: new events scroll in. {list.open} shows an "
        "event in full, {log.filter} filters, {log.next_match} {log.previous_match} search, {run.marker} "
        "shows the run as it was at the event."
    )


class LogPane(RunPane):
    """The cursor on the last line follows; Enter shows an event's data."""

    title = "Log"
    idle = frozenset()

    def __init__(self, state: ConsoleState, run_id: str, *, id: str) -> None:
        super().__init__(state, run_id, id=id)
        self._written = EventFormat()
        self._all = AllEvents(state.engine.runs, run_id, self._written)
        self._found: FoundEvents | None = None
        self._typed = ""
        self._wanted: EventFilter | None = None
        self._scanning = self._searching = self._wrapped = False
        self._began: datetime | None = None

    def compose(self) -> ComposeResult:
        """Filter, events, one event in full, what is shown."""
        yield SearchLine(placeholder=_HINT, id="event-filter")
        yield EventTable(event_columns(self.app.size.width), follow=True, id="events")
        yield TextLines(id="event-text")
        yield Plain(id="log-state")

    def on_mount(self) -> None:
        """Begin with all events."""
        text = self.query_one("#event-text", TextLines)
        text.display, text.can_focus = False, False
        self.table.set_source(self._all, keep_key=True)

    def on_resize(self, event: Resize) -> None:
        """Another width, other columns."""
        self.table.set_columns(event_columns(event.size.width))

    @property
    def _search_line(self) -> SearchLine:
        return self.query_one("#event-filter", SearchLine)

    @property
    def table(self) -> PagedTable:
        """The events."""
        return self.query_one("#events", PagedTable)

    async def load(self, moment: RunMoment) -> None:
        """What came since; only what is visible is read."""
        self._all.newest = moment.live.run_seq
        self._began = moment.live.created_at
        self._written.past = moment.past.event.run_seq if moment.past else None
        self.table.select_rows(set() if self._written.past is None else {str(self._written.past)})
        if self._found is None:
            await self.table.reload()
        elif not self._scanning:
            self._start_scan(self._found)
        self._draw_state()

    def target(self) -> Widget:
        """The line to type into while it is in use, else the events."""
        line = self._search_line
        return line if line.has_focus else self.table

    def filter(self) -> None:
        """Type what to look for; what was looked for before is there already."""
        if self._found is None:
            self._narrow()
        self._search_line.offer()

    def leave(self) -> bool:
        """Stop searching; else show all events again, with the cursor where it is."""
        if self._searching:
            self.workers.cancel_group(self, "find")
            return True
        if self._found is None and not self._search_line.shown:
            return False
        self._found = None
        self.workers.cancel_group(self, "scan")
        self.table.set_source(self._all, keep_key=True)
        self.table.focus()
        self._search_line.shown = False
        self.act(self.table.reload(), group="rows")
        self._draw_state()
        return True

    def match(self, by: int) -> None:
        """Go to the next event that the filter finds, or the one before."""
        if self._found is not None:
            self.table.step(by)
        elif self._wanted is None:
            show_notice(self, self.state.keymap.fill("Nothing to look for: press {log.filter} and type"))
        else:
            self.act(self._search(self._wanted, by), group="find", exclusive=True)

    def toggle_follow(self) -> str:
        """Go to the newest event and stay with it, or stay where the cursor is."""
        at_end = self.table.cursor_row >= self.table.row_count - 1
        self.table.follow = not (self.table.follow and at_end)
        if self.table.follow:
            self.table.action_cursor_bottom()
        self._draw_state()
        return "The log follows the newest event" if self.table.follow else "The log stays where it is"

    def toggle_times(self) -> bool:
        """Times of the day, or since the run began."""
        self._written.began = self._began if self._written.began is None else None
        self.act(self.table.reload(), group="rows")
        return True

    def toggle_wrap(self) -> bool:
        """The event under the cursor in full, below the list."""
        self._wrapped = not self._wrapped
        self.query_one("#event-text").display = self._wrapped
        self._show_event()
        return True

    async def _event(self, number: int) -> EventView | None:
        events = await self.state.engine.runs.events(self.run_id, after_run_seq=number - 1, limit=1)
        return events[0] if events else None

    async def chosen_event(self) -> int | None:
        """The event under the cursor."""
        return int(self.table.cursor_key) if self.table.cursor_key else None

    @on(Input.Changed, "#event-filter")
    def _typing(self, message: Input.Changed) -> None:
        if message.value == self._typed:
            return
        self._typed = message.value
        self._wanted = event_filter(message.value)
        self._narrow()

    def _narrow(self) -> None:
        """Only the events that the filter finds, or all without one."""
        if self._wanted is None:
            self._found = None
            self.table.set_source(self._all)
            self.act(self.table.reload(), group="rows")
        else:
            self._found = found_events(self.state.engine.runs, self.run_id, self._written, self._wanted)
            self.table.set_source(self._found)
            self._start_scan(self._found)

    @on(Input.Submitted, "#event-filter")
    def _typed_all(self) -> None:
        self.table.focus()
        if self._wanted is None:
            self._search_line.shown = False

    @on(LineTable.Opened, "#events")
    def _opened(self, message: LineTable.Opened) -> None:
        self.act(self._open_event(int(message.key)))

    @on(LineTable.Highlighted, "#events")
    def _highlighted(self) -> None:
        self._show_event()
        self._draw_state()

    @on(PagedTable.LoadFailed, "#events")
    def _failed(self, message: PagedTable.LoadFailed) -> None:
        self.act(_raise(message.error), group="rows")

    def _start_scan(self, source: FoundEvents) -> None:
        self._scanning = True
        self.act(self._scan(source), group="scan", exclusive=True)
        self._draw_state()

    async def _scan(self, source: FoundEvents) -> None:
        """Look at all events from where the last look ended; show what is found a few times a second."""
        loop = asyncio.get_running_loop()
        try:
            ended, shown = False, 0.0
            while not ended and self._found is source:
                ended = await source.scan()
                if ended or loop.time() - shown > _REDRAW_SECONDS:
                    await self.table.reload()
                    self._draw_state()
                    shown = loop.time()
        finally:
            # When another filter was typed meanwhile, its scan has begun already.
            if self._found in (source, None):
                self._scanning = False
        self._draw_state()

    async def _search(self, wanted: EventFilter, by: int) -> None:
        self._searching = True
        self._draw_state()
        try:
            at = int(self.table.cursor_key or 0)
            look = next_match if by > 0 else previous_match
            found = await look(self.state.engine.runs, self.run_id, wanted, at, self._all.newest)
        finally:
            self._searching = False
            self._draw_state()
        if found is None:
            show_notice(self, "No event matches")
        else:
            self.table.go_to(found - 1)

    def _show_event(self) -> None:
        if self._wrapped and self.table.cursor_key:
            self.act(self._read_event(int(self.table.cursor_key)), group="event", exclusive=True)

    async def _open_event(self, number: int) -> None:
        event = await self._event(number)
        if event is not None:
            self.show_values(format_event(event), {"payload": event.payload})

    async def _read_event(self, number: int) -> None:
        event = await self._event(number)
        if event is not None:
            text = f"{format_event(event)}\n{value_text(event.payload)}"
            self.query_one("#event-text", TextLines).show(safe_lines(text))

    def _draw_state(self) -> None:
        newest = counted(self._all.newest, "event")
        at_end = self.table.cursor_row >= self.table.row_count - 1
        back = self.state.keymap.fill("{screen.back}")
        words = f" {newest}" + (" · follows the newest" if self.table.follow and at_end else "")
        if self._found is not None:
            words = f" {len(self._found.found):,} found of {newest}"
            if self._scanning:
                words += f" · looked at {self._found.scanned_to:,}"
            words += f" · {back} shows all"
        elif self._searching:
            words = f" looking for {self._typed} … {back} stops"
        elif self._wanted is not None:
            keys = self.state.keymap.fill("{log.next_match} {log.previous_match}")
            words += f" · {keys} look for {self._typed}"
        self.query_one("#log-state", Plain).show((sanitize(words, limit=300), "$quiet"))


async def _raise(error: Exception) -> None:
    raise error
