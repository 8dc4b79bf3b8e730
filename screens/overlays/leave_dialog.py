"""Leaving the console asks first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical

from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import console
from screens.frame.screen import Dialog, TooSmall
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from textual.app import ComposeResult


class LeaveDialog(Dialog[bool]):
    """Asks before the console is left: q once more leaves, Esc stays."""

    BINDINGS = bindings("dialog.leave")

    def compose(self) -> ComposeResult:
        """What leaving means."""
        with Vertical(classes="dialog"):
            yield Plain(sanitize("Leave the console?"), classes="dialog-title")
            yield Plain(sanitize(self._becomes_of_runs()), classes="dialog-text")
            yield KeyHint("{dialog.leave} leave   {dialog.close} stay")
        yield TooSmall()

    def _becomes_of_runs(self) -> str:
        label = console(self).state.label
        if label:  # a throw-away workspace
            return f"{label}: everything in it is gone then."
        return "Runs are kept: other workers go on with them, else the next start does."

    def action_leave(self) -> None:
        """Leave."""
        self.dismiss(True)
