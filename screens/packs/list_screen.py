"""The packs: which there are, whether they can start runs, and what is wrong with their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical

from engine.safe_text import sanitize
from screens.keys.bindings import bindings
from screens.packs.labels import PACK_LABELS
from screens.packs.overview import format_runs
from screens.packs.problems import format_place, format_problem
from screens.packs.screen import PackScreen
from screens.packs.verbs import PackVerbsScreen
from screens.widgets.ages import age
from screens.widgets.numbers import percent_cell
from screens.widgets.plain import NOTHING, Part, Plain
from screens.widgets.sparkline import sparkline
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from datetime import datetime

    from textual.app import ComposeResult

    from engine.contracts.governing.slo import Trend
    from engine.contracts.packs.pack import PackView
    from screens.frame.console_state import ConsoleState

_COLUMNS = (
    Column("State", 16),
    Column("Pack", 18, flex=3),
    Column("Version", 14, flex=1, rank=1),
    Column("From", 8, rank=2),
    Column("Flows", 5, rank=1),
    Column("  Runs", 6, rank=1),
    Column("Problems", 8),
    Column("Changed", 7, rank=2),
    Column("Ended, 24 h", 12, rank=3),
    Column(" OK %", 5, rank=3),
    Column("About", 20, flex=4, rank=4),
)
_EMPTY = "No packs.\n\nvasini pack new NAME makes one; it appears here as soon as it is saved."


class PacksScreen(PackVerbsScreen):
    """All packs with their state, version and runs; Enter opens one."""

    BINDINGS = bindings("packs.diff", "packs.code")

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._packs: dict[str, PackView] = {}
        self._trends: dict[str, Trend] = {}
        self._read = False

    def body(self) -> ComposeResult:
        """The list, and the pack under the cursor in words."""
        yield RowTable(_COLUMNS, id="packs")
        with Vertical(id="empty"):
            yield Plain(sanitize("Reading the packs …"), classes="empty-text")
        yield Plain(id="about")

    def on_mount(self) -> None:
        """Nothing is shown before the first load."""
        super().on_mount()
        self._show_empty(True)
        self.query_one("#packs").focus()

    def current_pack(self) -> PackView | None:
        """The pack under the cursor."""
        return self._packs.get(self.query_one("#packs", RowTable).cursor_key)

    async def load(self) -> None:
        """All packs, by name; of two with one id each has its row."""
        packs = sorted(await self.state.engine.packs.list(), key=lambda view: (view.pack, view.source))
        self._packs = {f"{view.pack} {view.directory}": view for view in packs}
        self._read = True
        self._draw_rows()
        self._trends = {one.pack: one for one in await self.state.engine.levels.trends()}
        self._draw_rows()
        self._show_empty(not packs)
        self._draw_about()
        self.ages_of([view.loaded_at for view in packs if view.loaded_at is not None])

    def tick(self) -> None:
        """Ages again."""
        self._draw_rows()

    def action_diff(self) -> None:
        """What changed."""
        self._open("changes")

    def action_code(self) -> None:
        """The pack's own code, to read and to trust."""
        self._open("code")

    @on(RowTable.Opened, "#packs")
    def _opened(self) -> None:
        view = self.current_pack()
        self._open("problems" if view is not None and view.problems else "overview")

    @on(RowTable.Highlighted, "#packs")
    def _highlighted(self) -> None:
        self._draw_about()

    def _open(self, pane: str) -> None:
        view = self.current_pack()
        if view is not None:
            self.app.push_screen(PackScreen(self.state, view.pack, pane=pane))

    def _show_empty(self, empty: bool) -> None:
        self.query_one("#empty").display = empty
        self.query_one("#packs").set_class(empty, "-empty")
        if empty and self._read:
            self.query_one(".empty-text", Plain).show(sanitize(_EMPTY, multiline=True))

    def _draw_rows(self) -> None:
        now = self.state.now()
        rows = [_row(key, view, self._trends.get(view.pack), now) for key, view in self._packs.items()]
        self.query_one("#packs", RowTable).show(rows)

    def _draw_about(self) -> None:
        view, about = self.current_pack(), self.query_one("#about", Plain)
        if view is None:
            about.show(NOTHING)
            return
        parts: list[Part] = [(sanitize(f"{view.pack} {view.label}"), "$quiet")]
        if view.problems:
            first = view.problems[0]
            parts.append((sanitize(f" · ✗ {format_place(first)} {format_problem(first)}", limit=300), "$bad"))
        elif words := format_runs(view):
            parts.append((sanitize(f" · {words}", limit=200), "$busy"))
        elif view.description:
            parts.append((sanitize(f" · {view.description}", limit=200), "$quiet"))
        about.show(*parts)


def _row(key: str, view: PackView, trend: Trend | None, now: datetime) -> Row:
    label = PACK_LABELS[view.state]
    runs, failed = (sum(trend.runs), sum(trend.failed)) if trend is not None else (0, 0)
    return Row(
        key,
        (
            Cell(label.text, label.tone),
            Cell(sanitize(view.pack)),
            Cell(sanitize(view.label)),
            Cell(sanitize(view.source), Tone.QUIET),
            Cell(sanitize(f"{len(view.flows):>5}"), Tone.QUIET),
            Cell(sanitize(f"{view.runs_in_all:>6,}" if view.runs_in_all else ""), Tone.QUIET),
            Cell(sanitize(f"{len(view.problems):>8}" if view.problems else ""), Tone.BAD),
            Cell(sanitize(age(view.loaded_at, now) if view.loaded_at else ""), Tone.QUIET),
            Cell(sanitize(sparkline(trend.runs, 12) if trend is not None else ""), Tone.BUSY),
            Cell(
                sanitize(percent_cell((runs - failed) / runs) if runs else ""),
                Tone.BAD if failed else Tone.PLAIN,
            ),
            Cell(sanitize(view.description, limit=300), Tone.QUIET),
        ),
    )
