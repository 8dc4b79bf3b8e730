"""The runs: a live list, newest first, with a filter as you type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from engine.safe_text import sanitize
from screens.actions import bindings
from screens.columns import Column
from screens.inputs import SafeInput
from screens.moments import age, full_time
from screens.plain import NOTHING, Plain
from screens.row_table import Cell, Row, RowTable
from screens.run_query import run_filter
from screens.run_verbs import RunVerbsScreen
from screens.shell import console, tell
from screens.start_dialog import StartScreen
from screens.status_words import RUN_MARKS, Tone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from textual.app import ComposeResult

    from engine.contracts.run import RunSummary
    from screens.desk import Desk

PAGE = 200

_COLUMNS = (
    Column("Status", 15),
    Column("Flow", 20, flex=3),
    Column("Step", 12, flex=2),
    Column("Age", 6),
    Column("Waiting for", 18, flex=3),
    Column("Requested by", 12, flex=1, rank=1),
    Column("Run", 26, rank=2),
)

_SORTS: tuple[tuple[str, int, Callable[[RunSummary], Any], bool], ...] = (
    ("newest first", 3, lambda run: run.run_id, True),
    ("oldest first", 3, lambda run: run.run_id, False),
    ("by status", 0, lambda run: (RUN_MARKS[run.status].word, run.run_id), False),
    ("by flow", 1, lambda run: (run.pack, run.flow, run.run_id), False),
)
"""Words, the column that carries the mark, the key, and whether it runs backwards."""


class RunsScreen(RunVerbsScreen):
    """The first screen."""

    BINDINGS = bindings("runs.")
    view = "runs"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._runs: dict[str, RunSummary] = {}
        self._more = False
        self._sort = 0
        self._filter = ""
        self._wanted_run = ""

    def body(self) -> ComposeResult:
        """Filter, table, what to do when it is empty, and the run under the cursor in full."""
        yield SafeInput(placeholder="words  status:failed  pack:NAME  flow:NAME", id="filter")
        yield RowTable(_COLUMNS, id="runs")
        with Vertical(id="empty"):
            yield Plain(classes="empty-text")
        yield Plain(id="about")

    def on_mount(self) -> None:
        """Nothing is shown before the first load."""
        super().on_mount()
        self._show_filter(False)
        self.query_one("#empty").display = False
        self.query_one("#runs").focus()
        self._title_columns()

    def current_run(self) -> str:
        """The run under the cursor."""
        return self.query_one("#runs", RowTable).cursor_key

    def run_words(self) -> str:
        """Flow, status and id of the run under the cursor."""
        run = self._runs.get(self.current_run())
        return f"{run.pack}/{run.flow} · {RUN_MARKS[run.status].word} · {run.run_id}" if run else ""

    async def load(self) -> None:
        """The newest runs that the filter finds."""
        page = await self.desk.engine.runs.list(run_filter(self._filter, self.desk.tenant), limit=PAGE)
        self._runs = {run.run_id: run for run in page.items}
        self._more = page.next is not None
        self._draw()

    def tick(self) -> None:
        """Ages again."""
        self._draw_rows()

    def point_at(self, run_id: str) -> None:
        """Put the cursor on this run as soon as it is loaded."""
        self._wanted_run = run_id
        self.refresher.ask()

    def action_create(self) -> None:
        """Start a run."""
        self.app.push_screen(StartScreen(self.desk))

    def action_filter(self) -> None:
        """Show the filter line and type into it."""
        self._show_filter(True)
        self.query_one("#filter").focus()

    def action_back(self) -> None:
        """Leave the filter, then clear it."""
        self.query_one("#runs").focus()
        self.query_one("#filter", SafeInput).value = ""
        self._show_filter(False)

    def action_sort(self) -> None:
        """Next sort order."""
        self._sort = (self._sort + 1) % len(_SORTS)
        self._title_columns()
        self._draw()
        tell(self, f"Runs {_SORTS[self._sort][0]}")

    def action_next_match(self) -> None:
        """Next run that the filter found, around the end."""
        self._match(1)

    def action_previous_match(self) -> None:
        """Previous run that the filter found."""
        self._match(-1)

    @on(Input.Changed, "#filter")
    def _filter_typed(self, message: Input.Changed) -> None:
        if message.value != self._filter:
            self._filter = message.value
            self.refresher.ask()

    @on(Input.Submitted, "#filter")
    def _filter_kept(self) -> None:
        self.query_one("#runs").focus()
        if not self._filter:
            self._show_filter(False)

    @on(RowTable.Opened, "#runs")
    def _open(self, message: RowTable.Opened) -> None:
        console(self).open_run(message.key)

    @on(RowTable.Highlighted, "#runs")
    def _highlighted(self) -> None:
        self._draw_about()

    def _show_filter(self, shown: bool) -> None:
        line = self.query_one("#filter", SafeInput)
        # A field that is only hidden could still get the focus, and with it every key.
        line.display, line.disabled = shown, not shown

    def _match(self, by: int) -> None:
        if self._filter:
            self.query_one("#runs", RowTable).step(by)
        else:
            tell(self, "No filter: press / and type")

    def _title_columns(self) -> None:
        _, marked, _, backwards = _SORTS[self._sort]
        mark = "▼" if backwards else "▲"
        self.query_one("#runs", RowTable).set_columns(
            [
                Column(
                    f"{column.title} {mark}" if index == marked else column.title,
                    column.width,
                    column.flex,
                    column.rank,
                )
                for index, column in enumerate(_COLUMNS)
            ]
        )

    def _draw(self) -> None:
        self._draw_rows()
        table = self.query_one("#runs", RowTable)
        if self._wanted_run and table.move_to(self._wanted_run):
            self._wanted_run = ""
        empty = not self._runs
        self.query_one("#empty").display = empty
        table.set_class(empty, "-empty")
        if empty:
            self.query_one(".empty-text", Plain).show(
                sanitize(_NO_MATCH if self._filter else _NO_RUNS, multiline=True)
            )
        self._draw_about()
        self.ages_of([run.created_at for run in self._runs.values()])

    def _draw_rows(self) -> None:
        _, _, key, backwards = _SORTS[self._sort]
        now = self.desk.now()
        runs = sorted(self._runs.values(), key=key, reverse=backwards)
        self.query_one("#runs", RowTable).show([_row(run, now) for run in runs])

    def _draw_about(self) -> None:
        run = self._runs.get(self.current_run())
        about = self.query_one("#about", Plain)
        if run is None:
            about.show(NOTHING)
            return
        words = f" {run.run_id} · by {run.requested_by} · {full_time(run.created_at)}"
        error = f" · {run.error.code}: {run.error.message}" if run.error else ""
        more = f" · the {PAGE} newest; older ones with / or vasini runs" if self._more else ""
        about.show(
            (sanitize(words), "$quiet"), (sanitize(error, limit=200), "$bad"), (sanitize(more), "$quiet")
        )


def _row(run: RunSummary, now: datetime) -> Row:
    mark = RUN_MARKS[run.status]
    waiting = run.waiting_for or (run.error.code if run.error else "")
    tone = Tone.BAD if run.error and not run.waiting_for else Tone.PLAIN
    return Row(
        run.run_id,
        (
            Cell(mark.text, mark.tone),
            Cell(sanitize(f"{run.pack}/{run.flow}")),
            Cell(sanitize(run.current_step or "")),
            Cell(sanitize(age(run.created_at, now)), Tone.QUIET),
            Cell(sanitize(waiting), tone),
            Cell(sanitize(run.requested_by), Tone.QUIET),
            Cell(sanitize(run.run_id), Tone.QUIET),
        ),
    )


_NO_RUNS = (
    "No runs yet.\n\nPress c to start one: pick a flow and fill its form.\n"
    "On the command line:  vasini run hello/hello --set name=Ana"
)
_NO_MATCH = "No run matches the filter.\n\nPress / to change it, Esc to clear it."
