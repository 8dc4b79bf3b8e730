"""The two lines on top: what waits for a person; the screens, and who works where or why no news arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical

from engine.contracts.status import RunStatus
from engine.safe_text import sanitize
from screens.actions import action
from screens.plain import Part, Plain

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.contracts.run import RunCounts
    from screens.keymap import Keymap

VIEWS = ("runs", "approvals", "forms")


class HeaderLines(Vertical):
    """Drawn by every main screen; `view` is the one that is marked as current."""

    def __init__(self, view: str, keymap: Keymap) -> None:
        super().__init__()
        self._view = view
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Two lines of two halves."""
        with Horizontal(classes="header-line"):
            yield Plain(sanitize(" vasini"), classes="header-left name")
            yield Counters(classes="header-right counters")
        with Horizontal(classes="header-line"):
            yield Plain(classes="header-left views")
            yield Plain(classes="header-right who")

    def on_mount(self) -> None:
        """The screens and their keys, with the current one marked."""
        parts: list[Part] = []
        for view in VIEWS:
            entry = self._keymap.action(f"app.{view}")
            style = "bold reverse" if view == self._view else "$quiet"
            parts += [(sanitize(f" {entry.keys} {entry.title} "), style), sanitize(" ")]
        self.query_one(".views", Plain).show(*parts)

    def show_label(self, label: str) -> None:
        """What is shown is not the operator's own work, but this."""
        self.query_one(".name", Plain).show(
            sanitize(" vasini "), (sanitize(f" {label} "), "bold reverse $waiting")
        )

    def show_who(self, tenant: str, actor: str, offline: str) -> None:
        """Whose runs, and who acts; while no news arrive, why not."""
        if offline:
            self.query_one(".who", Plain).show((sanitize(f"! offline: {offline} ", limit=200), "bold $bad"))
        else:
            self.query_one(".who", Plain).show((sanitize(f"tenant {tenant} · {actor} "), "$quiet"))

    def show_counts(self, counts: RunCounts, broken_packs: int) -> None:
        """The live counters; a zero is quiet, and no word is said of packs while none is broken."""
        running = counts.runs.get(RunStatus.RUNNING, 0) + counts.runs.get(RunStatus.RETRYING, 0)
        failed = counts.runs.get(RunStatus.FAILED, 0) + counts.runs.get(RunStatus.DEAD_LETTER, 0)
        parts: list[Part] = []
        for symbol, number, one, many, style in (
            ("●", running, "running", "running", "$busy"),
            ("◆", counts.approvals_pending, "approval", "approvals", "bold $waiting"),
            ("▣", counts.forms_pending, "form", "forms", "bold $waiting"),
            ("✗", failed, "failed", "failed", "bold $bad"),
            ("▲", broken_packs, "broken pack", "broken packs", "bold $bad"),
        ):
            if number or symbol != "▲":
                text = sanitize(f"{symbol} {number:,} {one if number == 1 else many}  ")
                parts.append((text, style if number else "$quiet"))
        self.query_one(".counters", Plain).show(*parts)


class Counters(Plain):
    """A click goes where `!` goes: to what waits longest."""

    async def on_click(self) -> None:
        """As the key."""
        await self.app.run_action(action("app.oldest").action)
