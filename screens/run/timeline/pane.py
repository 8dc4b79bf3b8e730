"""The timeline pane: bars on a time axis, and words about the step under the cursor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import on

from engine.contracts.runs.run import EventFilter
from engine.contracts.status import StepStatus
from engine.safe_text import sanitize
from screens.frame.console import attempt, console, show_notice
from screens.run.conversation.screen import ConversationScreen
from screens.run.pane import RunMoment, RunPane
from screens.run.step_screen import StepScreen
from screens.run.timeline.about import about
from screens.run.timeline.labels import key_of
from screens.run.timeline.past import as_it_was
from screens.run.timeline.table import BAR_MARKS, MARKER_SYMBOL, NOW_SYMBOL, Edge, TimelineTable
from screens.run.timeline.turning import place_in
from screens.widgets.plain import Part, Plain
from screens.widgets.status_labels import STYLES
from screens.widgets.tables.line_table import LineTable
from screens.widgets.working import begin

if TYPE_CHECKING:
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.widget import Widget

    from engine.contracts.runs.run import StepView
    from engine.contracts.runs.timeline import Timeline, TimelineRow
    from screens.frame.console_state import ConsoleState

_TICKING_CELL = 30.0
"""Seconds: a cell that stands for less is drawn again every second while the run lasts."""

_EMPTY = "No step has started yet."


class TimelinePane(RunPane):
    """Executions of the run and of its child runs; Enter shows what went in and came out."""

    title = "Timeline"
    idle = frozenset()

    def __init__(self, state: ConsoleState, run_id: str, *, id: str) -> None:
        super().__init__(state, run_id, id=id)
        self._timeline: Timeline | None = None
        self._moment: RunMoment | None = None
        self._at: int | None = None
        self._steps: dict[str, StepView] = {}
        self._read_then: tuple[int | None, list[str]] | None = None
        self._marker: datetime | None = None
        self._reading = asyncio.Lock()

    def compose(self) -> ComposeResult:
        """Bars, the step under the cursor, what the symbols mean."""
        yield TimelineTable(id="steps")
        yield Plain(sanitize(_EMPTY), id="no-steps", classes="pane-empty")
        yield Plain(id="about")
        yield Plain(id="page")
        yield Plain(id="legend")

    def on_mount(self) -> None:
        """Nothing is said before the first load."""
        self.query_one("#no-steps").display = False
        self.query_one("#page").display = False

    @property
    def table(self) -> TimelineTable:
        """The bars."""
        return self.query_one("#steps", TimelineTable)

    @property
    def run_ids(self) -> set[str]:
        """The run and its child runs."""
        return {row.run_id for row in self._timeline.rows} if self._timeline else set()

    async def load(self, moment: RunMoment) -> None:
        """What every step did when, in the page that is shown; at another moment in the page of that one."""
        async with self._reading:
            if _event_of(moment) != _event_of(self._moment):
                self._at = None
            self._moment = moment
            before, row = self._timeline, self.execution()
            timeline = await self._read(self._at, moment)
            if before is not None and row is not None and self._stays(before, timeline, row):
                self._at = before.until
                timeline = await self._read(self._at, moment)
            self._show(timeline)
            if before is None and timeline.older is not None:
                self.table.action_cursor_bottom()
        await self._read_step()

    def _stays(self, before: Timeline, newest: Timeline, row: TimelineRow) -> bool:
        """Whether the page stays: the newest one goes on without the row that is looked at, or has it only
        around others."""
        moved = before.since != newest.since and self._at is None and self.past is None
        there = any(key_of(one) == key_of(row) for one in newest.rows[newest.above :])
        return moved and not there and not self.table.following

    async def _read(self, at: int | None, moment: RunMoment) -> Timeline:
        event = _event_of(moment)
        timeline = await self.state.engine.runs.timeline(self.run_id, at=event if at is None else at)
        self._marker = moment.past.event.ts if moment.past else None
        if moment.past is None or self._marker is None:
            self._read_then = None
            return timeline
        own = [row.step_id for row in timeline.rows if row.run_id == self.run_id]
        if self._read_then != (event, own):  # what they were then does not change while the run goes on
            then = await self.state.engine.runs.steps_at(self.run_id, own, as_of=event)
            self._steps, self._read_then = {step.step_id: step for step in then}, (event, own)
        if timeline.until >= moment.past.event.run_seq:  # what came after the moment is in no page
            timeline = timeline.model_copy(update={"newer": None})
        return as_it_was(timeline, {path: step.status for path, step in self._steps.items()}, self._marker)

    def _show(self, timeline: Timeline) -> None:
        if timeline.newer is None:
            self._at = None
        self._timeline = timeline
        self._draw_page(timeline)
        self.tick(self.state.now())
        empty = not timeline.rows
        self.query_one("#no-steps").display = empty
        self.table.set_class(empty, "-empty")

    @on(TimelineTable.Beyond)
    def _beyond(self, message: TimelineTable.Beyond) -> None:
        self.act(self._turn(message))

    async def _turn(self, message: TimelineTable.Beyond) -> None:
        table, place = self.table, None
        try:
            async with self._reading:
                place = await self._turned(message)
        finally:
            table.turned(place)

    async def _turned(self, message: TimelineTable.Beyond) -> int | None:
        """Show the page that the cursor goes to; the row in it."""
        before, moment = self._timeline, self._moment
        if before is None or moment is None:
            return None
        at = {
            Edge.OLDER: before.older,
            Edge.NEWER: before.newer,
            Edge.FIRST: 1,
            Edge.LAST: _event_of(moment),
        }[message.edge]
        timeline = await self._read(at, moment)
        self._at = at
        self._show(timeline)
        return place_in(before, timeline, message.edge, message.wanted)

    async def _look_at_step(self) -> None:
        await attempt(self, self._read_step())

    async def _read_step(self) -> None:
        row = self.execution()
        if row is not None and row.run_id == self.run_id and self.past is None:
            found = await self.state.engine.runs.steps_at(self.run_id, (row.step_id,))
            self._steps = {step.step_id: step for step in found}
            self._draw_about()

    def tick(self, now: datetime) -> None:
        """The present moves on."""
        if self._timeline is not None:
            self.table.show(self._timeline, now, self._marker)
            self._draw_about()

    def moments(self, now: datetime) -> list[datetime]:
        """A narrow cell changes within a second."""
        live = self._timeline is not None and self._timeline.end is None and self._marker is None
        return [now] if live and self.table.cell_seconds < _TICKING_CELL else []

    def target(self) -> Widget:
        """The bars."""
        return self.table

    def toggle_times(self) -> bool:
        """The axis in times of the day, or since the run began."""
        self.table.by_clock = not self.table.by_clock
        self.table.refresh()
        return True

    def toggle_follow(self) -> str:
        """Keep the present in view."""
        if self._timeline is None or self._timeline.end is not None:
            return "The run has ended; there is no present to follow"
        self.table.follow(not self.table.following)
        return "The axis follows the present" if self.table.following else "The axis stays where it is"

    def execution(self) -> TimelineRow | None:
        """The execution under the cursor."""
        return self.table.cursor_execution

    async def chosen_event(self) -> int | None:
        """The first event of the step under the cursor."""
        row = self.execution()
        if row is None or row.run_id != self.run_id:
            return None
        runs, after, ended = self.state.engine.runs, 0, False
        wanted = EventFilter(step_id=row.step_id)
        while not ended:
            found = await runs.find_events(self.run_id, wanted, after_run_seq=after)
            for number in found.run_seqs:
                events = await runs.events(self.run_id, after_run_seq=number - 1, limit=1)
                if events and events[0].step_id == row.step_id:
                    return number
            after, ended = found.scanned_to, found.ended
        return None

    @on(LineTable.Opened, "#steps")
    def _opened(self) -> None:
        if row := self.execution():
            self.act(self._show_step(row))

    @on(LineTable.Highlighted, "#steps")
    def _highlighted(self) -> None:
        self._draw_about()
        begin(self, self._look_at_step, group="about", exclusive=True)

    async def _show_step(self, row: TimelineRow) -> None:
        if row.child_run_id and self.past is None:
            console(self).open_run(row.child_run_id)
            return
        if row.status is StepStatus.NOT_STARTED and not row.spans:
            show_notice(self, f"{row.step_id} has not begun: nothing is kept of it")
            return
        if row.type == "agent" and self.past is None:
            self.app.push_screen(ConversationScreen(self.state, row.run_id, row.step_id))
            return
        past = self.past if row.run_id == self.run_id else None
        self.app.push_screen(StepScreen(self.state, row.run_id, row.step_id, past=past))

    def _draw_about(self) -> None:
        row = self.execution()
        self.query_one("#about", Plain).show(*(about(row, self._step_of(row)) if row else ()))
        self.query_one("#legend", Plain).show(*self._legend())

    def _step_of(self, row: TimelineRow) -> StepView | None:
        return self._steps.get(row.step_id) if row.run_id == self.run_id else None

    def _legend(self) -> list[Part]:
        parts: list[Part] = [sanitize(" ")]
        for symbol, words, tone in BAR_MARKS.values():
            parts += [(sanitize(symbol), STYLES[tone]), (sanitize(f" {words}  "), "$quiet")]
        if self._timeline is not None and self._timeline.end is None:
            parts += [(sanitize(NOW_SYMBOL), "$good"), (sanitize(" now  "), "$quiet")]
        if self._marker is not None:
            parts += [(sanitize(MARKER_SYMBOL), "bold $waiting"), (sanitize(" as of  "), "$quiet")]
        if self._timeline is not None and self._timeline.cut:
            words = f"{self._timeline.cut:,} long runs below are not all here; {{list.open}} opens one"
            parts.append((self.state.keymap.fill(words), "bold $waiting"))
        return parts

    def _draw_page(self, page: Timeline) -> None:
        """Of a run that is too long for one page: what this one tells of."""
        line = self.query_one("#page", Plain)
        line.display = page.older is not None or page.newer is not None
        words = f" events {page.since + 1:,}–{page.until:,} of {page.last:,}"
        words += " · ↑ older, {list.top} first" if page.older is not None else ""
        words += " · ↓ newer, {list.bottom} newest" if page.newer is not None else ""
        line.show((self.state.keymap.fill(words), "$waiting"))


def _event_of(moment: RunMoment | None) -> int | None:
    return moment.past.event.run_seq if moment is not None and moment.past is not None else None
