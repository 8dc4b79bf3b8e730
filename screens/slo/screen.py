"""Service levels: every pack, the worst first, and the one under the cursor in full."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from engine.contracts.governing.budget import CapOf, CapScope, CapWindow, SpendBy
from engine.errors import VasiniError
from engine.facade.feed import AlertChanged, CapsChanged, PackListChanged
from engine.safe_text import sanitize
from screens.frame.console import console, show_notice, tried
from screens.frame.console_state import explain
from screens.frame.inputs import SearchLine
from screens.frame.screen import ConsoleScreen
from screens.keys.bindings import bindings
from screens.slo.detail import TALL, LevelDetail
from screens.slo.rows import LevelRows, ListedPacks, columns, level_key, listed_of, place_of
from screens.slo.spend_rows import EACH, SpendData
from screens.slo.spent import SpendPanel
from screens.widgets.numbers import counted
from screens.widgets.plain import Plain
from screens.widgets.tables.made_table import MadeTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

    from engine.contracts.governing.slo import ServiceLevelDetail
    from engine.facade.engine import Engine
    from engine.facade.feed import FeedBatch
    from engine.facade.levels import LevelSummary
    from screens.frame.console_state import ConsoleState
    from screens.slo.exclude import Exclusion

WINDOWS: tuple[int | None, ...] = (1, 7, None, 90)
"""Days to look at; None is each pack's own."""
AGAIN_SECONDS = 60.0
"""Burn rates fall as time goes by, also when no run ends."""
MOST_DETAILS = 200
"""Packs whose course is kept."""
_ENDS = frozenset(
    {"run_completed", "run_failed", "run_dead_lettered", "approval_decided", "user_input_received"}
    | {"outcome_decided", "request_expired", "model_usage", "run_excluded"}
)
_EMPTY = "No packs.\n\nvasini pack new NAME makes one; here it will stand with what it promises."


class SloScreen(ConsoleScreen):
    """Packs with their state, the runs that may still fail, and how fast that is used up."""

    BINDINGS = bindings("slo.")
    view = "slo"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._found: Sequence[LevelSummary] = ()
        self._list = ListedPacks((), frozenset())
        self._details: dict[str, ServiceLevelDetail] = {}
        self._fresh: set[str] = set()
        self._window: int | None = None
        self._engine: Engine = state.engine
        self._all_tenants = False
        self._typed = ""
        self._read = False

    def body(self) -> ComposeResult:
        """Filter, what is looked at, the packs, one of them, and what models cost."""
        yield SearchLine(placeholder="words: pack, tenant, state", id="filter")
        yield Plain(id="slo-head")
        yield MadeTable(columns(self.app.size.width), id="levels")
        with Vertical(id="empty"):
            yield Plain(sanitize("Reading the service levels …"), classes="empty-text")
        yield LevelDetail(self.state.keymap)
        yield SpendPanel(self.state.keymap)

    def on_mount(self) -> None:
        """Nothing is shown before the first load."""
        super().on_mount()
        self._show_empty(True)
        self._table.focus()
        self.set_interval(AGAIN_SECONDS, self._again)

    def on_resize(self, event: events.Resize) -> None:
        """Where there is room, words are whole, and the parts below the packs are taller."""
        self.set_class(event.size.height >= TALL, "-roomy")
        self._table.set_columns(columns(event.size.width))

    @property
    def _filter(self) -> SearchLine:
        return self.query_one("#filter", SearchLine)

    @property
    def _table(self) -> MadeTable:
        return self.query_one("#levels", MadeTable)

    def current_level(self) -> LevelSummary | None:
        """The one under the cursor."""
        place, levels = self._table.cursor_row, self._list.levels
        return levels[place] if place < len(levels) else None

    def copied_id(self) -> str:
        """The pack's name."""
        level = self.current_level()
        return level.pack if level is not None else ""

    def concerned(self, batch: FeedBatch) -> bool:
        """Whether a run or a request ended, a model was paid for, or packs changed."""
        ended = any(event.kind in _ENDS for event in batch.events)
        changed = bool(batch.of(PackListChanged)) or bool(batch.of(CapsChanged) or batch.of(AlertChanged))
        return batch.lagged or changed or ended

    async def load(self) -> None:
        """Every pack, the course of the one under the cursor, and what was spent: so many questions, however
        many packs and tenants there are."""
        window, engine = self._window, self._engine
        found = await engine.levels.summaries(window_days=window)
        if (window, engine) != (self._window, self._engine):
            return
        self._found, self._read = found, True
        self._forget_details()
        await self._show_rows()
        await self._read_budget()
        await self._read_used()

    def _forget_details(self) -> None:
        """Those of packs that are gone; the others stay until they are read again."""
        self._fresh.clear()
        if len(self._details) > MOST_DETAILS:
            self._details.clear()

    async def _show_rows(self) -> None:
        """What fits of what was read. Of very many packs it is put together beside the loop, where keys are
        heard meanwhile."""
        found, typed = self._found, self._typed
        listed = await asyncio.to_thread(listed_of, found, typed)
        if found is self._found and typed == self._typed:
            place = place_of(listed.levels, self.current_level())
            self._list = listed
            self._draw(self._table.cursor_row if place is None else place)

    async def _read_used(self) -> None:
        """What models cost in the longest of the windows that are looked at."""
        engine, levels, since = self._engine, self._found, self.state.now()
        spending = await engine.budget.spending(SpendBy.PACK, since=since - timedelta(days=self._days))
        caps = await engine.budget.caps(acts=0)
        if engine is self._engine:
            used = SpendData(spending, caps, levels, "" if self._all_tenants else self.state.tenant)
            self.query_one(SpendPanel).show_used(used, self._days)

    @property
    def _days(self) -> int:
        return max(self._list.windows, default=30)

    def action_filter(self) -> None:
        """Show the filter line and type into it."""
        self._filter.offer()

    def action_back(self) -> None:
        """Leave the filter and clear it."""
        self._table.focus()
        self._filter.value = ""
        self._filter.shown = False

    def action_shorter(self) -> None:
        """Fewer days."""
        self._look_at(-1)

    def action_longer(self) -> None:
        """More days."""
        self._look_at(1)

    def action_unit(self) -> None:
        """Money, tokens, time."""
        self.query_one(SpendPanel).next_unit()

    def action_cap(self) -> None:
        """Set or top up the cap under the cursor, or one of the pack under it."""
        from screens.slo.cap import CapDialog  # noqa: PLC0415 - seldom needed

        subject, tenant = self._cap_meant()
        every = tenant == EACH
        try:
            engine = self.state.engine.for_(
                self.state.actor, tenant=None if every else tenant, all_tenants=every
            )
        except VasiniError as error:
            show_notice(self, explain(error), tone="error")
            return

        def done(words: str | None) -> None:
            if words is not None:
                show_notice(self, words)
                self.refresher.ask()

        self.app.push_screen(CapDialog(self.state, engine, subject, tenant), done)

    def _cap_meant(self) -> tuple[CapOf, str]:
        """The cap or pack under the cursor, and the tenant within which it is meant; `*` is each one."""
        spent, level = self.query_one(SpendPanel), self.current_level()
        own = self.state.tenant or EACH
        if spent.has_focus_within:
            if (cap := spent.current_cap()) is not None:
                return CapOf(cap.scope, cap.name, cap.window), cap.tenant
            if (pack := spent.current_pack()) is not None:
                name, tenant = pack
                return CapOf(CapScope.PACK, name, CapWindow.MONTH), tenant or EACH
        if level is not None:
            return CapOf(CapScope.PACK, level.pack, CapWindow.MONTH), level.tenant
        return CapOf(CapScope.TENANT, own, CapWindow.MONTH), own

    def action_all_tenants(self) -> None:
        """The packs of every tenant, or those of this console's own."""
        try:
            wanted = self.state.engine.for_(
                self.state.actor, tenant=self.state.tenant or None, all_tenants=not self._all_tenants
            )
        except VasiniError as error:
            show_notice(self, explain(error), tone="error")
            return
        self._engine, self._all_tenants = wanted, not self._all_tenants
        self._details.clear()
        self.refresher.ask_at_once()

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

        self.app.push_screen(ExcludeDialog(self.state, self._engine, level), chosen)

    async def _exclude(self, exclusion: Exclusion) -> None:
        from screens.slo.exclude import excluded_words  # noqa: PLC0415 - the dialog was there

        levels, by, done, before = self._engine.levels, self.state.actor, 0, 0
        failures: list[str] = []
        for run_id in exclusion.run_ids:
            excluded = await tried(levels.exclude(run_id, exclusion.reason, actor=by))
            if isinstance(excluded, Exception):
                failures.append(explain(excluded))
            else:
                done, before = done + excluded, before + (not excluded)
        words = excluded_words(done, before, failures)
        show_notice(self, words, tone="error" if failures else "information")
        self.refresher.ask()

    @on(Input.Changed, "#filter")
    def _filter_typed(self, message: Input.Changed) -> None:
        self._typed = message.value
        self.act(self._show_rows(), group="rows", exclusive=True)

    @on(Input.Submitted, "#filter")
    def _filter_kept(self) -> None:
        self._table.focus()
        self._filter.shown = bool(self._typed)

    @on(MadeTable.Highlighted, "#levels")
    def _highlighted(self) -> None:
        self._draw_detail()
        self.act(self._read_budget(), group="budget", exclusive=True)

    @on(MadeTable.Opened, "#levels")
    def _opened(self) -> None:
        level = self.current_level()
        if level is None:
            return
        if self.state.tenant not in {"", level.tenant}:
            show_notice(self, f"Runs of another tenant: vasini --tenant {level.tenant} shows them")
            return
        words = f"pack:{level.pack} status:failed,dead_letter ended:<{level.window_days}d"
        console(self).show_runs(words)

    def _again(self) -> None:
        if self.is_current:
            self.refresher.ask()

    def _look_at(self, by: int) -> None:
        place = WINDOWS.index(self._window) + by
        self._window = WINDOWS[max(0, min(place, len(WINDOWS) - 1))]
        self._details.clear()
        self.refresher.ask_at_once()

    async def _read_budget(self) -> None:
        level = self.current_level()
        if level is None or not level.runs or level_key(level) in self._fresh:
            return
        window, engine = self._window, self._engine
        found = await engine.levels.get(level.pack, tenant=level.tenant, window_days=window)
        if (window, engine) == (self._window, self._engine):
            self._details[level_key(level)] = found
            self._fresh.add(level_key(level))
            self._draw_detail()

    def _show_empty(self, empty: bool) -> None:
        self.query_one("#empty").display = empty
        self._table.set_class(empty, "-empty")
        if empty and self._read:
            nothing_fits = "No pack matches the filter." if self._found else _EMPTY
            self.query_one(".empty-text", Plain).show(sanitize(nothing_fits, multiline=True))

    def _draw(self, place: int) -> None:
        self._table.show(LevelRows(self._list.levels), place)
        self._show_empty(not self._list.levels)
        self._draw_head()
        self._draw_detail()

    def _draw_head(self) -> None:
        windows = self._list.windows
        days = counted(max(windows), "day") if len(windows) == 1 else "the days of its own window"
        shown, known = self._table.row_count, len(self._found)
        part = f" · {shown:,} of {known:,} packs" if shown != known else ""
        whose = " in every tenant" if self._all_tenants else ""
        words = f" Each pack{whose} over {days}, worst first{part}"
        self.query_one("#slo-head", Plain).show((sanitize(words if known else ""), "$quiet"))

    def _draw_detail(self) -> None:
        level = self.current_level()
        detail = self._details.get(level_key(level)) if level is not None else None
        self.query_one(LevelDetail).show_level(level, detail, self.state.now())
