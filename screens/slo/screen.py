"""Service levels: every pack, the worst first, and the one under the cursor in full."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from engine.contracts.governing.budget import SpendBy
from engine.facade.feed import PackListChanged
from engine.safe_text import sanitize
from screens.frame.inputs import SafeInput
from screens.frame.screen import ConsoleScreen, attempt, console, show_notice
from screens.keys.bindings import bindings
from screens.slo.detail import LevelDetail
from screens.slo.money import MoneyLines
from screens.slo.rows import COLUMNS, fits, level_key, level_row
from screens.widgets.plain import Plain
from screens.widgets.tables.row_table import RowTable

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.contracts.governing.slo import ServiceLevel
    from engine.facade.feed import FeedBatch
    from screens.frame.console_state import ConsoleState
    from screens.slo.exclude import Exclusion

WINDOWS: tuple[int | None, ...] = (1, 7, None, 90)
"""Days to look at; None is each pack's own."""
AGAIN_SECONDS = 60.0
"""Burn rates fall as time goes by, also when no run ends."""
_ENDS = frozenset(
    {"run_completed", "run_failed", "run_dead_lettered", "approval_decided", "user_input_received"}
    | {"outcome_decided", "request_expired", "model_usage"}
)
_EMPTY = "No packs.\n\nvasini pack new NAME makes one; here it will stand with what it promises."


class SloScreen(ConsoleScreen):
    """Packs with their state, the runs that may still fail, and how fast that is used up."""

    BINDINGS = bindings("slo.")
    view = "slo"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._levels: dict[str, ServiceLevel] = {}
        self._budgets: dict[str, tuple[float | None, ...]] = {}
        self._window: int | None = None
        self._typed = ""
        self._read = False

    def body(self) -> ComposeResult:
        """Filter, what is looked at, the packs, one of them, and what models cost."""
        yield SafeInput(placeholder="words: pack, tenant, state", id="filter")
        yield Plain(id="slo-head")
        yield RowTable(COLUMNS, id="levels")
        with Vertical(id="empty"):
            yield Plain(sanitize("Reading the service levels …"), classes="empty-text")
        yield LevelDetail(self.state.keymap)
        yield MoneyLines()

    def on_mount(self) -> None:
        """Nothing is shown before the first load."""
        super().on_mount()
        self._show_filter(False)
        self._show_empty(True)
        self._table.focus()
        self.set_interval(AGAIN_SECONDS, self._again)

    @property
    def _table(self) -> RowTable:
        return self.query_one("#levels", RowTable)

    def current_level(self) -> ServiceLevel | None:
        """The one under the cursor."""
        return self._levels.get(self._table.cursor_key)

    def copied_id(self) -> str:
        """The pack's name."""
        level = self.current_level()
        return level.pack if level is not None else ""

    def concerned(self, batch: FeedBatch) -> bool:
        """Whether a run or a request ended, a model was paid for, or packs changed."""
        ended = any(event.kind in _ENDS for event in batch.events)
        return bool(batch.lagged or batch.of(PackListChanged) or ended)

    async def load(self) -> None:
        """Every pack, and the course of the one under the cursor."""
        window = self._window
        found = await self.state.engine.levels.list(window_days=window)
        if window != self._window:
            return
        self._levels = {level_key(level): level for level in found}
        self._budgets.clear()
        self._read = True
        self._draw()
        await self._read_budget()
        await self._read_money()

    async def _read_money(self) -> None:
        """What models cost in the longest of the windows that are looked at."""
        days = max((level.window_days for level in self._levels.values()), default=30)
        money, since = self.state.engine.budget, self.state.now() - timedelta(days=days)
        spending, caps = await money.spending(SpendBy.MODEL, since=since), await money.caps(acts=0)
        self.query_one(MoneyLines).show_money(spending.total, caps)

    def action_filter(self) -> None:
        """Show the filter line and type into it."""
        self._show_filter(True)
        self.query_one("#filter").focus()

    def action_back(self) -> None:
        """Leave the filter and clear it."""
        self._table.focus()
        self.query_one("#filter", SafeInput).value = ""
        self._show_filter(False)

    def action_shorter(self) -> None:
        """Fewer days."""
        self._look_at(-1)

    def action_longer(self) -> None:
        """More days."""
        self._look_at(1)

    def action_exclude(self) -> None:
        """Let failed runs not count."""
        level = self.current_level()
        if level is None or not level.failed:
            show_notice(self, "No failed run of this pack counts")
            return
        from screens.slo.exclude import ExcludeDialog  # noqa: PLC0415 - seldom needed

        def chosen(exclusion: Exclusion | None) -> None:
            if exclusion is not None:
                self.act(self._exclude(exclusion))

        self.app.push_screen(ExcludeDialog(self.state, level), chosen)

    async def _exclude(self, exclusion: Exclusion) -> None:
        for run_id in exclusion.run_ids:
            await self.state.engine.levels.exclude(run_id, exclusion.reason, actor=self.state.actor)
        number = len(exclusion.run_ids)
        show_notice(self, f"{number:,} runs do not count" if number > 1 else "1 run does not count")
        self.refresher.ask()

    @on(Input.Changed, "#filter")
    def _filter_typed(self, message: Input.Changed) -> None:
        self._typed = message.value
        self._draw()

    @on(Input.Submitted, "#filter")
    def _filter_kept(self) -> None:
        self._table.focus()
        self._show_filter(bool(self._typed))

    @on(RowTable.Highlighted, "#levels")
    def _highlighted(self) -> None:
        self._draw_detail()
        self.run_worker(self._guarded_budget(), group="budget", exclusive=True, exit_on_error=False)

    @on(RowTable.Opened, "#levels")
    def _opened(self) -> None:
        level = self.current_level()
        if level is not None:
            words = f"pack:{level.pack} status:failed,dead_letter ended:<{level.window_days}d"
            console(self).show_runs(words)

    def _again(self) -> None:
        if self.is_current:
            self.refresher.ask()

    def _look_at(self, by: int) -> None:
        place = WINDOWS.index(self._window) + by
        self._window = WINDOWS[max(0, min(place, len(WINDOWS) - 1))]
        self.refresher.ask_at_once()

    async def _guarded_budget(self) -> None:
        await attempt(self, self._read_budget())

    async def _read_budget(self) -> None:
        level = self.current_level()
        if level is None or not level.runs or level_key(level) in self._budgets:
            return
        window = self._window
        found = await self.state.engine.levels.get(level.pack, tenant=level.tenant, window_days=window)
        if window == self._window:
            self._budgets[level_key(level)] = found.budget
            self._draw_detail()

    def _show_filter(self, shown: bool) -> None:
        line = self.query_one("#filter", SafeInput)
        line.display, line.disabled = shown, not shown

    def _show_empty(self, empty: bool) -> None:
        self.query_one("#empty").display = empty
        self._table.set_class(empty, "-empty")
        if empty and self._read:
            nothing_fits = "No pack matches the filter." if self._levels else _EMPTY
            self.query_one(".empty-text", Plain).show(sanitize(nothing_fits, multiline=True))

    def _draw(self) -> None:
        rows = [level_row(level) for level in self._levels.values() if fits(level, self._typed)]
        self._table.show(rows)
        self._show_empty(not rows)
        self._draw_head()
        self._draw_detail()

    def _draw_head(self) -> None:
        found = {level.window_days for level in self._levels.values()}
        days = _days(found.pop()) if len(found) == 1 else "the days of its own window"
        shown, known = self._table.row_count, len(self._levels)
        part = f" · {shown:,} of {known:,} packs" if shown != known else ""
        words = f" Each pack over {days}, worst first{part}"
        self.query_one("#slo-head", Plain).show((sanitize(words if known else ""), "$quiet"))

    def _draw_detail(self) -> None:
        level = self.current_level()
        budget = self._budgets.get(level_key(level), ()) if level is not None else ()
        self.query_one(LevelDetail).show_level(level, budget, self.state.now())


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"
