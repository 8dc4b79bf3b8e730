"""The runs: a live list of any length, with a filter as you type, saved filters, orders and marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from engine.contracts.governing.money import cost_text
from engine.contracts.runs.listed import RunSort
from engine.safe_text import sanitize
from screens.compare.verbs import CompareVerbs
from screens.frame.bars.key_bar import NEEDS_A_ROW, KeyBar
from screens.frame.console import console, show_notice
from screens.frame.inputs import SearchLine
from screens.frame.screen import SLOW_SECONDS
from screens.handoff.verbs import HandoffVerbs
from screens.keys.bindings import bindings
from screens.run_verbs.again import AgainVerb
from screens.run_verbs.looking import LookVerbs
from screens.run_verbs.steering import SteerVerbs
from screens.runs.first_start import first_start
from screens.runs.fold_verbs import FoldVerbs
from screens.runs.folding import Unfolded
from screens.runs.query import EXAMPLE, run_query
from screens.runs.rows import SORTS, RunSource, columns
from screens.runs.trend_line import TrendLine
from screens.widgets.plain import Part, Plain
from screens.widgets.status_labels import run_label
from screens.widgets.tables.paged_table import PagedTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.timer import Timer

    from engine.contracts.runs.listed import RunSummary
    from engine.contracts.status import RunStatus
    from screens.frame.console_state import ConsoleState
    from screens.widgets.tables.rows import Row

SETTLED_SECONDS = 1.0
"""So long nothing is done to a run that came under the cursor by itself: the key was meant for the one that
has gone, as the second press of an impatient hand is."""
_NO_MATCH = "No run matches the filter.\n\nPress {runs.filter} to change it, {screen.back} to clear it."


class FilterInput(SearchLine):
    """The line in which the filter of the list is typed (after `/`)."""

    HELP = (
        "A filter of the runs, in force while you type; the first letter begins a new one, → edits the one "
        "that stands there. Words are found in parts of run ids, pack, flow and "
        "requester. status:failed,paused takes one of the statuses, by their beginnings; pack: flow: by: "
        "take one name, error: one error code; words: finds words of title, input, error and output; "
        "age:<2h are younger runs, age:>3d older ones (s m h d w), ended:<12h those that ended since then. "
        "Enter goes to the list, {screen.back} "
        "clears the filter, {runs.saved} on the list saves it."
    )


class RunsScreen(FoldVerbs, SteerVerbs, LookVerbs, CompareVerbs, HandoffVerbs, AgainVerb):
    """The list of runs; keys are about the run under the cursor, or about the marked ones."""

    BINDINGS = bindings("runs.")
    view = "runs"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._known: dict[str, RunSummary] = {}
        self._source: RunSource | None = None
        self._sort = RunSort.NEWEST
        self._typed = ""
        self._from_top = False
        self._slow_list: Timer | None = None
        self._reading = False
        self._slipped_at = float("-inf")
        self._wanted_run = ""
        self._brought = "", ""
        """The filter that a key like that of another screen brought, and the one before it."""

    def body(self) -> ComposeResult:
        """Filter and its faults, table, what to do when it is empty, and the run under the cursor in full."""
        yield FilterInput(placeholder=EXAMPLE, id="filter")
        yield Plain(id="filter-note")
        yield PagedTable(columns(self._sort), id="runs")
        with Vertical(id="empty"):
            yield Plain(classes="empty-text")
        yield TrendLine(self.state)
        yield Plain(id="about")

    def on_mount(self) -> None:
        """Nothing is shown before the first load."""
        super().on_mount()
        self._show_note()
        self._table.focus()
        self._show_empty(True)

    @property
    def _filter(self) -> SearchLine:
        return self.query_one("#filter", SearchLine)

    @property
    def _table(self) -> PagedTable:
        return self.query_one("#runs", PagedTable)

    def current_run(self) -> str:
        """The run under the cursor."""
        return self._table.cursor_key

    def run_status(self) -> RunStatus | None:
        """That of the run under the cursor."""
        run = self._known.get(self.current_run())
        return run.status if run else None

    def may_act(self) -> bool:
        """Not to a run that has just come under the cursor in place of one that has gone."""
        now = self.state.clock()
        if self.selected_runs() or now - self._slipped_at >= SETTLED_SECONDS:
            return True
        self._slipped_at = now  # a key that is held does nothing either
        words = "Nothing was done: another run came under the cursor just now. Look, then press again."
        show_notice(self, words, tone="warning")
        return False

    def summary_of(self, run_id: str) -> RunSummary | None:
        """What the list knows of a run."""
        return self._known.get(run_id)

    def filtered(self) -> bool:
        """Whether something is typed."""
        return bool(self._typed.strip())

    def selected_runs(self) -> Sequence[str]:
        """Every run with a mark, also where the filter does not show it."""
        return sorted(self._table.selected)

    def deselect(self, run_ids: Sequence[str]) -> None:
        """Take these marks away."""
        self._table.select_rows(self._table.selected.difference(run_ids))
        self._draw_about()

    def format_run(self) -> str:
        """Flow, status and id of the run under the cursor."""
        run = self._known.get(self.current_run())
        return f"{run.pack}/{run.flow} · {run_label(run).word} · {run.run_id}" if run else ""

    async def load(self) -> None:
        """What is visible of the runs that the filter finds."""
        asked = (self._typed, self._sort)
        await self.unfold_above()
        self._choose_source()
        if await self._table.reload():
            self._slipped_at = self.state.clock()
        if asked == (self._typed, self._sort):
            self._expect_nothing()
        if self._wanted_run:
            await self._go_to_wanted()
        self._draw()

    def show_failure(self, error: Exception) -> None:
        """Tell it; then nothing is being read any more."""
        super().show_failure(error)
        self._expect_nothing()

    def tick(self) -> None:
        """Ages again."""
        self._table.rewrite(self._with_new_age)

    def show_found(self, typed: str) -> None:
        """Only what this filter finds, with the keys on the list."""
        brought, before = self._brought
        self._brought = typed, before if brought == self._typed else self._typed
        self._table.focus()
        self._use_filter(typed)

    def point_at(self, run_id: str) -> None:
        """Put the cursor on this run as soon as it is there; a filter that hides it is dropped."""
        self._wanted_run = run_id
        self.refresher.ask()

    def action_create(self) -> None:
        """Start a run."""
        from screens.runs.start import StartScreen  # noqa: PLC0415 - after the first frame

        self.app.push_screen(StartScreen(self.state))

    def action_filter(self) -> None:
        """Show the filter line and type into it."""
        self._filter.offer()

    def action_back(self) -> None:
        """Leave the filter and clear it; on the list the marks go first.

        A filter that was brought goes at once: the one before is there again, and where the key was pressed.
        """
        on_list, (brought, before) = self._table.has_focus, self._brought
        if on_list and self._table.selected:
            self.deselect(self.selected_runs())
            return
        self._brought = "", ""
        self._table.focus()
        if on_list and self._typed in {"", brought}:
            self._use_filter(before)
            super().action_back()
        else:
            self._use_filter("")

    def action_saved(self) -> None:
        """Filters with a name."""

        def picked(text: str | None) -> None:
            if text is not None:
                self._use_filter(text)

        from screens.runs.saved_filters import SavedFiltersDialog  # noqa: PLC0415 - as above

        self.app.push_screen(SavedFiltersDialog(self.state, self._typed.strip()), picked)

    def action_mark(self) -> None:
        """Mark the run, or take its mark away."""
        self._table.toggle_selected()
        self._draw_about()

    def action_sort(self) -> None:
        """Next order; a cursor that is not on top stays on its run."""
        orders = list(SORTS)
        self._sort = orders[(orders.index(self._sort) + 1) % len(orders)]
        self._from_top = self._table.cursor_row == 0
        self._table.set_columns(columns(self._sort))
        show_notice(self, f"Runs {SORTS[self._sort][0]}")
        self._expect_list()

    def action_next_match(self) -> None:
        """Next run that the filter found, around the end."""
        self._match(1)

    def action_previous_match(self) -> None:
        """Previous run that the filter found."""
        self._match(-1)

    @on(Input.Changed, "#filter")
    def _filter_typed(self, message: Input.Changed) -> None:
        if message.value != self._typed:
            self._typed = message.value
            # Who clears a filter wants to see the run that was found among its neighbors.
            self._from_top = bool(self._typed)
            self.revealed = "" if self._typed else self.current_run()
            self._show_note()
            self._expect_list()

    @on(Input.Submitted, "#filter")
    def _filter_kept(self) -> None:
        self._table.focus()
        self._filter.shown = bool(self._typed)

    @on(PagedTable.Opened, "#runs")
    def _open(self, message: PagedTable.Opened) -> None:
        console(self).open_run(message.key)

    @on(PagedTable.Highlighted, "#runs")
    def _highlighted(self) -> None:
        self._draw_about()
        self._keep_ages()

    @on(PagedTable.OthersInView, "#runs")
    def _others_in_view(self) -> None:
        self._keep_ages()

    @on(PagedTable.LoadFailed, "#runs")
    def _not_read(self, message: PagedTable.LoadFailed) -> None:
        self.show_failure(message.error)

    def _use_filter(self, text: str) -> None:
        self._filter.value = text
        self._filter.shown = bool(text)

    def _expect_list(self) -> None:
        """Read another list; when that takes long, say so."""
        if self._slow_list is None:
            self._slow_list = self.set_timer(SLOW_SECONDS, self._say_slow)
        self.refresher.ask()

    def _expect_nothing(self) -> None:
        if self._slow_list is not None:
            self._slow_list.stop()
            self._slow_list = None
            self._reading = False
            self._show_note()

    def _say_slow(self) -> None:
        self._reading = True
        self._show_note()

    def _show_note(self) -> None:
        query = run_query(self._typed, self.state.tenant, self.state.now())
        left_out = f"not applied: {' · '.join(query.faults)}" if query.faults else ""
        told = " · ".join(filter(None, ("reading …" if self._reading else "", left_out, *query.no_fields)))
        note = self.query_one("#filter-note", Plain)
        note.display = bool(told)
        note.show((sanitize(f" {told}", limit=400), "$waiting"))

    def _choose_source(self) -> None:
        filters = run_query(self._typed, self.state.tenant, self.state.now()).filters
        if self._source is None or (self._source.filters, self._source.sort) != (filters, self._sort):
            runs = self.state.engine.runs
            unfolded = Unfolded(runs, filters, self._sort, self.unfolded)
            self._source = RunSource(runs, filters, self._sort, self.state.now, self._known, unfolded)
            self._table.set_source(self._source, keep_key=not self._from_top)
            self._from_top = False

    async def _go_to_wanted(self) -> None:
        if await self._table.move_to(self._wanted_run):
            self._wanted_run = ""
        elif self._typed:
            self._use_filter("")

    def _match(self, by: int) -> None:
        if self._typed:
            self._table.step(by)
        else:
            show_notice(self, self.state.keymap.fill("No filter: {runs.filter} and type"))

    def _draw(self) -> None:
        empty = not self._table.row_count
        self._show_empty(empty)
        if empty:
            keymap = self.state.keymap
            words = [keymap.fill(_NO_MATCH)] if self._typed else first_start(keymap, label=self.state.label)
            self.query_one(".empty-text", Plain).show(*words)
        self._draw_about()
        self._keep_ages()

    def _show_empty(self, empty: bool) -> None:
        self.query_one("#empty").display = empty
        self._table.set_class(empty, "-empty")
        self.query_one(KeyBar).leave_out(NEEDS_A_ROW if empty else frozenset())

    def _keep_ages(self) -> None:
        shown = [self._known.get(row.key) for row in self._table.visible_rows]
        self.ages_of([run.created_at for run in shown if run is not None])

    def _with_new_age(self, row: Row) -> Row:
        run = self._known.get(row.key)
        return self._source.row(run) if run and self._source else row

    def _draw_about(self) -> None:
        table = self._table
        run = self._known.get(self.current_run())
        parts: list[Part] = []
        if table.selected:
            parts.append((sanitize(f"{len(table.selected)} marked · "), "$waiting"))
        if table.row_count:
            place = f"{table.cursor_row + 1:,} of {table.row_count:,} · "
            parts.append((sanitize(place), "$quiet"))
        if run is not None:
            if run.subject:
                parts.append((sanitize(f"{run.subject} · "), "bold"))
            tokens = f" · {run.tokens_used:,} tokens" if run.tokens_used else ""
            paid = cost_text(run.cost, run.unpriced_calls)
            cost = f" · {paid}" if paid else ""
            parts.append((sanitize(f"{run.run_id} · by {run.requested_by}{tokens}{cost}"), "$quiet"))
            if run.error:
                error = f" · {run.error.code}: {run.error.message}"
                parts.append((sanitize(error, limit=200), "$bad"))
            if run.excluded:
                parts.append((sanitize(f" · does not count: {run.excluded}", limit=200), "$quiet"))
        self.query_one("#about", Plain).show(*parts)
