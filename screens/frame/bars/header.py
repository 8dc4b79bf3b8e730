"""The two lines on top: what waits for a person; the screens, and who works where or why no news arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.containers import Horizontal, Vertical

from engine.contracts.status import RunStatus
from engine.safe_text import SafeText, sanitize
from screens.keys.bindings import action
from screens.keys.views import VIEWS
from screens.widgets.plain import Part, Plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

    from engine.contracts.runs.run import RunCounts
    from screens.keys.keymap import Keymap

_SHARE = 0.75
"""Of the line, for its right half (themes/shell.tcss)."""


class HeaderLines(Vertical):
    """Drawn by every main screen; `view` is the one that is marked as current."""

    def __init__(self, view: str, keymap: Keymap) -> None:
        super().__init__()
        self._view = view
        self._keymap = keymap
        self._who_width = 0

    def compose(self) -> ComposeResult:
        """Two lines of two halves."""
        with Horizontal(classes="header-line"):
            yield Plain(sanitize(" vasini"), classes="header-left name")
            yield Counters(classes="header-right counters")
        with Horizontal(classes="header-line"):
            yield ViewNames(classes="header-left views")
            yield Plain(classes="header-right who")

    def on_mount(self) -> None:
        """The screens and their keys."""
        self._show_views()

    def on_resize(self, _event: events.Resize) -> None:
        """Another width, other words."""
        self.query_one(Counters).redraw()
        self._show_views()

    def show_label(self, label: str) -> None:
        """What is shown is not the operator's own work, but this."""
        self.query_one(".name", Plain).show(
            sanitize(" vasini "), (sanitize(f" {label} "), "bold reverse $waiting")
        )

    def show_who(self, tenant: str, actor: str, offline: str) -> None:
        """Whose runs, and who acts; while no news arrive, why not."""
        words = sanitize(f"! offline: {offline} " if offline else f"tenant {tenant} · {actor} ", limit=200)
        self.query_one(".who", Plain).show((words, "bold $bad" if offline else "$quiet"))
        self._who_width = cell_len(words)
        self._show_views()

    def _show_views(self) -> None:
        """The current screen is marked; the others lose their words where there is no room for all."""
        entries = [(view.name, self._keymap.action(f"app.{view.name}")) for view in VIEWS]
        width = sum(len(f" {entry.keys} {entry.title}  ") for _, entry in entries)
        roomy = width + self._who_width <= self.app.size.width
        parts: list[Part] = []
        names: list[tuple[str, int]] = []
        for view, entry in entries:
            current = view == self._view
            words = f" {entry.keys} {entry.title} " if roomy or current else f" {entry.keys} "
            parts += [(sanitize(words), "bold reverse" if current else "$quiet"), sanitize(" ")]
            names.append((view, cell_len(words) + 1))
        self.query_one(ViewNames).names = names
        self.query_one(ViewNames).show(*parts)

    def show_counts(self, counts: RunCounts, broken_packs: int) -> None:
        """The live counters; a zero is quiet, and no word is said of packs while none is broken."""
        running = counts.runs.get(RunStatus.RUNNING, 0) + counts.runs.get(RunStatus.RETRYING, 0)
        counters = [
            Counter("●", running, "running", "running", "$busy"),
            Counter("◆", counts.approvals_pending, "approval", "approvals", "bold $waiting"),
            Counter("▣", counts.forms_pending, "form", "forms", "bold $waiting"),
            Counter("✗", counts.failed_lately, "failed", "failed", "bold $bad"),
        ]
        if counts.outcomes_pending:
            counters.append(Counter("?", counts.outcomes_pending, "lost call", "lost calls", "bold $waiting"))
        if broken_packs:
            counters.append(Counter("▲", broken_packs, "broken pack", "broken packs", "bold $bad"))
        self.query_one(Counters).show_counts(counters)


class ViewNames(Plain):
    """The views; a click on one is as its key."""

    names: Sequence[tuple[str, int]] = ()
    """Each with the cells it takes."""

    async def on_click(self, event: events.Click) -> None:
        """Go to the view that was hit."""
        end = 0
        for name, width in self.names:
            start, end = end, end + width
            if start <= event.x < end - 1:
                await self.app.run_action(action(f"app.{name}").action)


@dataclass(frozen=True, slots=True)
class Counter:
    """How many of something there are; a zero is quiet."""

    symbol: str
    number: int
    one: str
    many: str
    style: str

    def part(self, *, words: bool) -> tuple[SafeText, str]:
        """Symbol, number and, where there is room, the word."""
        word = f" {self.one if self.number == 1 else self.many}" if words else ""
        return sanitize(f"{self.symbol} {self.number:,}{word}  "), self.style if self.number else "$quiet"


class Counters(Plain):
    """As many words as there is room for. A click goes where `!` goes: to what waits longest."""

    _counts: Sequence[Counter] = ()

    def show_counts(self, counters: Sequence[Counter]) -> None:
        """Show these."""
        self._counts = counters
        parts = [counter.part(words=True) for counter in counters]
        if sum(len(part[0]) for part in parts) > self.app.size.width * _SHARE:
            parts = [counter.part(words=False) for counter in counters]
        self.show(*parts)

    def redraw(self) -> None:
        """There is more or less room now."""
        self.show_counts(self._counts)

    async def on_click(self) -> None:
        """As the key."""
        await self.app.run_action(action("app.oldest").action)
