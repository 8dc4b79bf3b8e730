"""One run: its steps, its event log, its input and output, its files; live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Container
from textual.widgets import ContentSwitcher

from engine.contracts.status import RUN_TERMINAL, RequestStatus
from engine.safe_text import sanitize
from screens.actions import bindings
from screens.columns import Column
from screens.event_log import EventLog
from screens.json_text import json_text
from screens.moments import age, clock_time, full_time, span
from screens.plain import Part, Plain, TextPane
from screens.row_table import Cell, Row, RowTable
from screens.run_verbs import RunVerbsScreen
from screens.shell import console
from screens.status_words import REQUEST_MARKS, RUN_MARKS, STEP_MARKS, STYLES, Tone
from screens.value_screen import ValueScreen

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.contracts.run import EventView, RunDetail, RunFile, StepView
    from engine.facade import FeedBatch
    from screens.desk import Desk

PANES = {"steps": "Steps", "log": "Log", "data": "Input and output", "files": "Files"}

_STEP_COLUMNS = (
    Column("Step", 16, flex=3),
    Column("Status", 15),
    Column("Try", 4),
    Column("Started", 12, rank=1),
    Column("Took", 8),
    Column("Error", 10, flex=3),
)
_FILE_COLUMNS = (
    Column("File", 20, flex=3),
    Column("Role", 12),
    Column("Bytes", 12),
    Column("Type", 16, flex=1, rank=1),
    Column("sha256", 16, rank=1),
)


class RunScreen(RunVerbsScreen):
    """Detail of a run; `pane` says where to begin."""

    BINDINGS = bindings("run.next_pane", "run.previous_pane")
    view = "runs"

    def __init__(self, desk: Desk, run_id: str, *, view: str = "runs", pane: str = "steps") -> None:
        self.view = view
        super().__init__(desk)
        self._run_id = run_id
        self._pane = pane
        self._detail: RunDetail | None = None

    def body(self) -> ComposeResult:
        """Head, names of the panes, panes."""
        yield Plain(id="run-head")
        yield Plain(id="run-panes")
        with ContentSwitcher(initial=self._pane, id="panes"):
            yield RowTable(_STEP_COLUMNS, id="steps")
            yield EventLog(id="log")
            with TextPane(id="data"):
                yield Plain(id="data-text")
            with Container(id="files"):
                yield Plain(id="folder")
                yield RowTable(_FILE_COLUMNS, id="file-list")

    def on_mount(self) -> None:
        """Begin in the pane that was asked for."""
        super().on_mount()
        self._show_pane()

    def current_run(self) -> str:
        """The run of this screen."""
        return self._run_id

    def run_words(self) -> str:
        """Flow, status and id."""
        if self._detail is None:
            return self._run_id
        run = self._detail.run
        return f"{run.pack}/{run.flow} · {RUN_MARKS[run.status].word} · {run.run_id}"

    def concerned(self, batch: FeedBatch) -> bool:
        """Only by its own events."""
        return batch.lagged or any(event.run_id == self._run_id for event in batch.events)

    async def load(self) -> None:
        """The run with its parts, and the events since the last ones."""
        self._detail = await self.desk.engine.runs.get(self._run_id)
        log = self.query_one("#log", EventLog)
        await log.catch_up(self.desk.engine.runs, self._run_id)
        self._draw(self._detail)

    def tick(self) -> None:
        """The age again."""
        if self._detail is not None:
            self._draw_head(self._detail)

    def show_pane(self, pane: str) -> None:
        """Go to a pane by name."""
        self._pane = pane
        self._show_pane()

    def action_next_pane(self) -> None:
        """The pane to the right."""
        self._turn(1)

    def action_previous_pane(self) -> None:
        """The pane to the left."""
        self._turn(-1)

    def action_logs(self) -> None:
        """The event log of this run."""
        self.show_pane("log")

    @on(RowTable.Opened, "#steps")
    def _open_step(self, message: RowTable.Opened) -> None:
        self.act(self._show_step(message.key))

    @on(RowTable.Opened, "#log")
    def _open_event(self, message: RowTable.Opened) -> None:
        event = self.query_one("#log", EventLog).event(message.key)
        if event is not None:
            self.app.push_screen(ValueScreen(self.desk, _event_words(event), {"payload": event.payload}))

    async def _show_step(self, step_id: str) -> None:
        step = await self.desk.engine.runs.step(self._run_id, step_id)
        if step.child_run_id:
            console(self).open_run(step.child_run_id)
            return
        values = {"input": step.input, "output": step.output}
        if step.error is not None:
            values = {"error": step.error.model_dump(mode="json"), **values}
        words = f"{step.step_id} · {step.type} · {STEP_MARKS[step.status].word} · try {step.attempt}"
        self.app.push_screen(ValueScreen(self.desk, words, values))

    def _turn(self, by: int) -> None:
        names = list(PANES)
        self.show_pane(names[(names.index(self._pane) + by) % len(names)])

    def _show_pane(self) -> None:
        self.query_one("#panes", ContentSwitcher).current = self._pane
        parts: list[Part] = [sanitize(" ")]
        for name, title in PANES.items():
            style = "bold underline $key" if name == self._pane else "$quiet"
            parts += [(sanitize(title), style), sanitize("   ")]
        self.query_one("#run-panes", Plain).show(*parts, (sanitize("Tab: next pane"), "$quiet"))
        self.query_one("#file-list" if self._pane == "files" else f"#{self._pane}").focus()

    def _draw(self, detail: RunDetail) -> None:
        self._draw_head(detail)
        self.query_one("#steps", RowTable).show([_step_row(step) for step in detail.steps])
        data = {"input": detail.run.input, "output": detail.run.output}
        self.query_one("#data-text", Plain).show(json_text(data))
        self.query_one("#file-list", RowTable).show([_file_row(file) for file in detail.files])
        folder = f" folder {detail.run.folder}" if detail.run.folder else " This run has no folder yet."
        self.query_one("#folder", Plain).show((sanitize(folder), "$quiet"))
        self.ages_of([] if detail.run.status in RUN_TERMINAL else [detail.run.created_at])

    def _draw_head(self, detail: RunDetail) -> None:
        run, mark = detail.run, RUN_MARKS[detail.run.status]
        if run.status in RUN_TERMINAL:
            when = f"took {span(run.created_at, run.finished_at)}"
        else:
            when = f"for {age(run.created_at, self.desk.now())}"
        asked = [words for words, on in _asked(detail) if on]
        parts: list[Part] = [
            (sanitize(f" {mark.symbol} {mark.word}"), STYLES[mark.tone]),
            (sanitize(f"  {run.pack}/{run.flow} {run.pack_version}"), "bold"),
            (sanitize(f"  {when}\n", multiline=True), "$quiet"),
            (sanitize(f" run {run.run_id} · by {run.requested_by} · {full_time(run.created_at)}"), "$quiet"),
        ]
        if asked:
            parts.append((sanitize("\n " + " · ".join(asked), multiline=True), "$waiting"))
        if run.error is not None:
            where = f" at {run.error.step_id}" if run.error.step_id else ""
            words = f"\n ✗ {run.error.code}{where}: {run.error.message}"
            parts.append((sanitize(words, multiline=True, limit=1_000), "$bad"))
        self.query_one("#run-head", Plain).show(*parts)


def _asked(detail: RunDetail) -> list[tuple[str, bool]]:
    run = detail.run
    pending = [view for view in detail.approvals if view.status is RequestStatus.PENDING]
    forms = [form for form in detail.forms if form.status is RequestStatus.PENDING]
    symbol = REQUEST_MARKS[RequestStatus.PENDING].symbol
    return [
        (f"{symbol} approval: {pending[0].title if pending else ''} (i opens it)", bool(pending)),
        (f"{symbol} form: {forms[0].title if forms else ''} (i opens it)", bool(forms)),
        ("pause asked for", run.pause_requested),
        (
            f"cancel asked for ({run.cancel_requested})",
            bool(run.cancel_requested) and run.finished_at is None,
        ),
    ]


def _event_words(event: EventView) -> str:
    step = f" · {event.step_id}" if event.step_id else ""
    return f"event {event.run_seq} · {event.kind}{step} · {event.actor} · {full_time(event.ts)}"


def _step_row(step: StepView) -> Row:
    mark = STEP_MARKS[step.status]
    error = f"{step.error.code}: {step.error.message}" if step.error else ""
    note = f"retry at {clock_time(step.retry_at)}" if step.retry_at else ""
    child = f"child {step.child_run_id}" if step.child_run_id else ""
    return Row(
        step.step_id,
        (
            Cell(sanitize(step.step_id)),
            Cell(mark.text, mark.tone),
            Cell(sanitize(str(step.attempt)), Tone.QUIET),
            Cell(sanitize(clock_time(step.started_at) if step.started_at else ""), Tone.QUIET),
            Cell(sanitize(span(step.started_at, step.finished_at)), Tone.QUIET),
            Cell(sanitize(error or note or child, limit=500), Tone.BAD if error else Tone.QUIET),
        ),
    )


def _file_row(file: RunFile) -> Row:
    return Row(
        file.stored_name,
        (
            Cell(sanitize(file.name)),
            Cell(sanitize(file.role)),
            Cell(sanitize(f"{file.size:,}")),
            Cell(sanitize(file.content_type), Tone.QUIET),
            Cell(sanitize(file.sha256[:16]), Tone.QUIET),
        ),
    )
