"""Two runs side by side: what differs in their inputs, outputs and steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal

from engine.safe_text import sanitize
from screens.compare.diff import Change
from screens.compare.reading import MOST_ROWS, read_compared
from screens.compare.rows import columns, compared_step, place_of, rows
from screens.frame.console import show_notice
from screens.frame.screen import ConsoleScreen
from screens.keys.bindings import bindings
from screens.overlays.value_screen import ValueScreen
from screens.widgets.ages import full_time, span
from screens.widgets.plain import Part, Plain
from screens.widgets.status_labels import STYLES, run_label
from screens.widgets.tables.line_table import LineTable
from screens.widgets.tables.row_table import RowTable

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from engine.contracts.runs.listed import RunView
    from engine.facade.feed import FeedBatch
    from screens.compare.rows import Compared
    from screens.frame.console_state import ConsoleState

SIDE_BY_SIDE = 110
"""From this width on the values stand beside each other."""


class CompareScreen(ConsoleScreen):
    """The left run is the one that was looked at first. With `step_id` only that step of both is compared."""

    BINDINGS = bindings("compare.")

    def __init__(
        self, state: ConsoleState, left: str, right: str, *, step_id: str = "", view: str = "runs"
    ) -> None:
        self.view = view
        super().__init__(state)
        self._ids = (left, right)
        self._step_id = step_id
        self._compared: list[Compared] = []
        self._width = 0

    def body(self) -> ComposeResult:
        """The heads of both, how much differs, all differences."""
        with Horizontal(id="compare-heads"):
            yield Plain(sanitize(" Loading …"), classes="compare-head -left")
            yield Plain(classes="compare-head -right")
        yield Plain(id="compare-sum")
        yield RowTable(columns(wide=False), id="differences")

    def on_mount(self) -> None:
        """The list has the keys."""
        super().on_mount()
        self.query_one("#differences").focus()

    def on_resize(self, event: events.Resize) -> None:
        """Side by side or stacked, as there is room."""
        self._draw(event.size.width)

    def concerned(self, batch: FeedBatch) -> bool:
        """Only by events of the two."""
        return batch.lagged or any(event.run_id in self._ids for event in batch.events)

    async def load(self) -> None:
        """Both runs with their steps."""
        runs = self.state.engine.runs
        left, right = [await runs.summary(run_id) for run_id in self._ids]
        if self._step_id:
            sides = [await runs.step(run_id, self._step_id) for run_id in self._ids]
            found = compared_step(*sides)
            self._compared, whole = found[:MOST_ROWS], len(found) <= MOST_ROWS
        else:
            self._compared, whole = await read_compared(runs, *self._ids)
        self.query_one(".compare-head.-left", Plain).show(*_head("left", left))
        self.query_one(".compare-head.-right", Plain).show(*_head("right", right))
        keys = self.state.keymap.fill("{compare.next_match} {compare.previous_match} go through them")
        self.query_one("#compare-sum", Plain).show(*_sum(self._compared, keys, self._step_id, whole=whole))
        self._width = 0
        self._draw(self.size.width)

    def copied_id(self) -> str:
        """Where the difference under the cursor is."""
        thing = self._under_cursor()
        return thing.where if thing else ""

    def action_next_match(self) -> None:
        """The next difference."""
        self._go(1)

    def action_previous_match(self) -> None:
        """The difference before."""
        self._go(-1)

    @on(LineTable.Opened, "#differences")
    def _open(self) -> None:
        if thing := self._under_cursor():
            self.act(self._show(thing))

    async def _show(self, thing: Compared) -> None:
        if thing.step_id and not self._step_id and thing.change in (Change.SAME, Change.CHANGED):
            left, right = self._ids
            self.app.push_screen(
                CompareScreen(self.state, left, right, step_id=thing.step_id, view=self.view)
            )
            return
        values = thing.values
        if thing.step_id:
            sides = zip(("left", "right"), self._ids, strict=True)
            values = {
                side: await self._step(run_id, thing.step_id) for side, run_id in sides if side in values
            }
        self.app.push_screen(ValueScreen(self.state, thing.where, values))

    async def _step(self, run_id: str, step_id: str) -> object:
        step = await self.state.engine.runs.step(run_id, step_id)
        return step.model_dump(mode="json", exclude_none=True, exclude={"step_id"})

    def _under_cursor(self) -> Compared | None:
        key = self.query_one("#differences", RowTable).cursor_key
        return self._compared[place_of(key)] if key else None

    def _go(self, by: int) -> None:
        table = self.query_one("#differences", RowTable)
        places = [
            index
            for index, row in enumerate(table.rows)
            if row.key.isdigit() and self._compared[int(row.key)].change is not Change.SAME
        ]
        if not places:
            show_notice(self, "Nothing differs")
        elif by > 0:
            table.go_to(next((place for place in places if place > table.cursor_row), places[0]))
        else:
            table.go_to(next((place for place in reversed(places) if place < table.cursor_row), places[-1]))

    def _draw(self, width: int) -> None:
        if width != self._width and self._compared:
            self._width = width
            wide = width >= SIDE_BY_SIDE
            table = self.query_one("#differences", RowTable)
            table.set_columns(columns(wide=wide))
            table.show(rows(self._compared, wide=wide, width=width))


def _head(side: str, run: RunView) -> list[Part]:
    label = run_label(run)
    took = span(run.started_at or run.created_at, run.finished_at)
    return [
        (sanitize(f" {side}: "), "$quiet"),
        (sanitize(f"{label.symbol} {label.word}"), STYLES[label.tone]),
        (sanitize(f"  {run.pack}/{run.flow} {run.pack_version}"), "bold"),
        (sanitize(f"{f'  took {took}' if took else ''}\n", multiline=True), "$quiet"),
        (sanitize(f" run {run.run_id} · by {run.requested_by} · {full_time(run.created_at)}"), "$quiet"),
    ]


def _sum(found: list[Compared], keys: str, step_id: str, *, whole: bool) -> list[Part]:
    """How much differs; of what is too long only the beginning was compared."""
    of = f" in step {step_id}" if step_id else ""
    differ = sum(thing.change is not Change.SAME for thing in found)
    if not differ and whole:
        return [(sanitize(f" = Nothing differs{of}"), "$good")]
    first = "" if whole else "the first "
    words = f" ≠ {differ:,} of {first}{len(found):,} differ{of} · {keys} · Enter shows one in full"
    if not differ:
        words = f" = Nothing differs in the first {len(found):,}{of}"
    more = "" if whole else "\n The rest is not compared: `vasini show RUN --json` has all of a run"
    return [(sanitize(words), "bold $waiting"), (sanitize(more, multiline=True), "$waiting")]
