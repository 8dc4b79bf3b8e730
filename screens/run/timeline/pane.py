"""The timeline pane: bars on a time axis, and words about the step under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from engine.contracts.runs.run import EventFilter
from engine.contracts.status import StepStatus
from engine.safe_text import sanitize
from screens.frame.console import console, show_notice
from screens.run.conversation.screen import ConversationScreen
from screens.run.pane import Moment, RunPane
from screens.run.step_screen import StepScreen
from screens.run.step_words import format_item, format_try
from screens.run.timeline.past import as_it_was
from screens.run.timeline.table import BAR_MARKS, MARKER_SYMBOL, NOW_SYMBOL, TimelineTable
from screens.widgets.ages import clock_time
from screens.widgets.plain import Part, Plain
from screens.widgets.status_labels import STEP_LABELS, STYLES, format_recovered
from screens.widgets.tables.line_table import LineTable

if TYPE_CHECKING:
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.widget import Widget

    from engine.contracts.runs.run import StepView
    from engine.contracts.runs.timeline import Timeline, TimelineRow

_TICKING_CELL = 30.0
"""Seconds: a cell that stands for less is drawn again every second while the run lasts."""

_TRIES = 2
"""Failed tries that stand below the bars; the step's own screen has all."""

_EMPTY = "No step has started yet."


class TimelinePane(RunPane):
    """Executions of the run and of its child runs; Enter shows what went in and came out."""

    title = "Timeline"
    idle = frozenset()

    def compose(self) -> ComposeResult:
        """Bars, the step under the cursor, what the symbols mean."""
        yield TimelineTable(id="steps")
        yield Plain(sanitize(_EMPTY), id="no-steps", classes="pane-empty")
        yield Plain(id="about")
        yield Plain(id="legend")

    def on_mount(self) -> None:
        """Nothing is said before the first load."""
        self._timeline: Timeline | None = None
        self._steps: dict[str, StepView] = {}
        self._marker: datetime | None = None
        self.query_one("#no-steps").display = False

    @property
    def table(self) -> TimelineTable:
        """The bars."""
        return self.query_one("#steps", TimelineTable)

    @property
    def run_ids(self) -> set[str]:
        """The run and its child runs."""
        return {row.run_id for row in self._timeline.rows} if self._timeline else set()

    async def load(self, moment: Moment) -> None:
        """What every step did when."""
        runs = self.state.engine.runs
        timeline = await runs.timeline(self.run_id)
        steps = moment.past.detail.steps if moment.past else await runs.steps(self.run_id)
        self._steps = {step.step_id: step for step in steps}
        self._marker = moment.past.event.ts if moment.past else None
        if self._marker is not None:
            timeline = as_it_was(timeline, {step.step_id: step.status for step in steps}, self._marker)
        self._timeline = timeline
        self.tick(self.state.now())
        empty = not timeline.rows
        self.query_one("#no-steps").display = empty
        self.table.set_class(empty, "-empty")

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
        self.query_one("#about", Plain).show(*(_about(row, self._step_of(row)) if row else ()))
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
            words = f"{self._timeline.cut:,} more steps are not shown; the log has them"
            parts.append((sanitize(words), "bold $waiting"))
        return parts


def _about(row: TimelineRow, step: StepView | None) -> list[Part]:
    label = STEP_LABELS[row.status]
    parts: list[Part] = [(sanitize(f" {label.symbol} {label.word}"), STYLES[label.tone])]
    words = f"  {row.step_id} · {row.type}"
    if row.name not in (row.step_id, row.step_id.rpartition("/")[2]):
        words += f" · {row.name}"
    if row.item is not None:
        words += f" · {format_item(row.item)}"
    if row.spans:
        words += f" · began {clock_time(row.spans[0].start)}"
    if row.child_run_id:
        words += f" · child {row.child_run_id}"
    parts.append((sanitize(words, limit=400), "$quiet"))
    if row.recoveries:
        parts.append((sanitize(f" · {format_recovered(row.recoveries)}"), "$busy"))
    return parts + (_how_it_went(step) if step is not None else [])


def _how_it_went(step: StepView) -> list[Part]:
    """Its tries and its call; why it failed, and why its tries before did, on lines of their own."""
    tries = f" · try {step.attempt}" if step.attempt > 1 else ""
    retry = f" · retry at {clock_time(step.retry_at)}" if step.retry_at else ""
    parts: list[Part] = [(sanitize(tries + retry), "$busy")]
    if step.meta is not None:
        call = f" · {step.meta.backend}, sandbox {step.meta.sandbox}, {step.meta.latency_ms:,.0f} ms"
        parts.append((sanitize(call), "$quiet"))
    if step.error is not None:
        words = f"\n {step.error.code}: {step.error.message}"
        parts.append((sanitize(words, multiline=True, limit=400), "$bad"))
    parts += [
        (sanitize(f"\n {format_try(failed)}", multiline=True), "$quiet")
        for failed in reversed(step.tries[-_TRIES:])
    ]
    return parts
