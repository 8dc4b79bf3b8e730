"""What packs used, in the unit that is looked at; below it what is held, and what has no price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical

from engine.contracts.governing.money import short_dollars
from engine.safe_text import sanitize
from screens.slo.rows import level_key
from screens.slo.spend_rows import COLUMNS, MOST_TIMED, Unit, cap_key, pack_key, rows_of
from screens.widgets.numbers import counted
from screens.widgets.plain import Plain
from screens.widgets.tables.made_table import MadeTable

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.contracts.governing.budget import CapView
    from screens.keys.keymap import Keymap
    from screens.slo.spend_rows import SpendData

_NOTHING = {
    Unit.COST: "No model was paid for in these days, and no cap holds. Here will stand what was spent, and "
    "of which cap; {slo.cap} sets one.",
    Unit.TOKENS: "No model was asked in these days. Here will stand what packs told models, and were told. A "
    "step of the type agent asks one.",
    Unit.TIME: "No run has completed in these days. Here will stand how long runs worked, and how long they "
    "waited for people.",
}


class SpendPanel(Vertical):
    """A table with a line below it. `unit` is what is looked at."""

    def __init__(self, keymap: Keymap) -> None:
        super().__init__(id="spending")
        self._keymap = keymap
        self._used: SpendData | None = None
        self._days = 0
        self.unit = Unit.COST

    def compose(self) -> ComposeResult:
        """The table, what to do when it is empty, and the line below."""
        yield MadeTable(COLUMNS[self.unit], id="spent")
        yield Plain(id="nothing-spent")
        yield Plain(id="money")

    def current_cap(self) -> CapView | None:
        """The one under the cursor; None where no cap is."""
        key = self._table.cursor_key
        caps = self._used.caps.caps if self._used is not None and self.unit is Unit.COST else ()
        return next((cap for cap in caps if cap_key(cap) == key), None)

    def current_pack(self) -> tuple[str, str] | None:
        """The pack under the cursor and its tenant, empty for all; None where no pack is."""
        key, used = self._table.cursor_key, self._used
        if used is None:
            return None
        if self.unit is Unit.TIME:
            found = (level for level in used.levels if level_key(level) == key)
            return next(((level.pack, level.tenant) for level in found), None)
        found_rows = (row.name for row in used.spending.rows if pack_key(row) == key)
        return next(((name, used.tenant) for name in found_rows), None)

    def next_unit(self) -> None:
        """Money, tokens, time."""
        units = list(Unit)
        self.unit = units[(units.index(self.unit) + 1) % len(units)]
        self._table.set_columns(COLUMNS[self.unit])
        self._draw()

    def show_used(self, used: SpendData, days: int) -> None:
        """What was used in so many days."""
        self._used, self._days = used, days
        self._draw()

    @property
    def _table(self) -> MadeTable:
        return self.query_one("#spent", MadeTable)

    def _draw(self) -> None:
        if self._used is None:
            return
        rows = rows_of(self._used, self.unit)
        self._table.display = bool(rows)
        self._table.show(rows)
        nothing = self.query_one("#nothing-spent", Plain)
        nothing.display = not rows
        nothing.show((self._keymap.fill(_NOTHING[self.unit]), "$quiet"))
        words = " · ".join(_WORDS[self.unit](self._used, counted(self._days, "day")))
        self.query_one("#money", Plain).show((sanitize(f" {words}"), "$quiet"))


def _money(used: SpendData, days: str) -> list[str]:
    caps, total = used.caps, used.spending.total
    return [
        f"{short_dollars(total.cost)} in {days}",
        f"held now {short_dollars(caps.held)} in {counted(caps.held_calls, 'call')}",
        f"unpriced {total.unpriced:,}",
        *([f"prices {caps.price_table}"] if caps.price_table else []),
    ]


def _tokens(used: SpendData, days: str) -> list[str]:
    total = used.spending.total
    told = f"{total.input_tokens:,} in ({total.cached_tokens:,} cached), {total.output_tokens:,} out"
    return [f"{counted(total.calls, 'call')} in {days}", told]


def _time(used: SpendData, days: str) -> list[str]:
    runs = sum(level.runs for level in used.levels)
    longest = f", the {MOST_TIMED:,} packs that took longest" if len(used.levels) > MOST_TIMED else ""
    return [
        f"{counted(runs, 'run')} in {days}{longest}",
        "worked: completed ones; people: until they decided",
    ]


_WORDS = {Unit.COST: _money, Unit.TOKENS: _tokens, Unit.TIME: _time}
