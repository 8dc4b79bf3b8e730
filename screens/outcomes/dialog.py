"""What became of an interrupted call: what is known of it, and what can be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical

from engine.contracts.status import OutcomeDecision
from engine.safe_text import sanitize
from screens.frame.key_hint import KeyHint
from screens.frame.screen import Dialog, TooSmall, too_small
from screens.widgets.ages import clock_time
from screens.widgets.json.json_text import brief_json
from screens.widgets.plain import Plain
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.contracts.request import OutcomeView

_CHOICES = {
    "": "Say nothing yet",
    OutcomeDecision.RUN_AGAIN.value: "Run again: the call did not have its effect, or may have it twice",
    OutcomeDecision.DONE.value: "It was done: go on without calling again",
    OutcomeDecision.FAIL.value: "Fail the step",
}
_MOST_PARAMETERS = 600


class OutcomeDialog(Dialog[OutcomeDecision]):
    """Asks what became of a call: a list of four whose first row changes nothing. Enter chooses."""

    def __init__(self, outcome: OutcomeView) -> None:
        super().__init__()
        self._outcome = outcome

    def compose(self) -> ComposeResult:
        """What is known, the choices."""
        with Vertical(classes="dialog"):
            yield Plain(sanitize("What became of this call?"), classes="dialog-title")
            for line in known_lines(self._outcome):
                yield Plain(sanitize(line), classes="dialog-text")
            yield RowTable([Column("Say", 30, flex=1)], id="choices")
            yield KeyHint("{list.open} choose   {dialog.close} close")
        yield TooSmall()

    def on_mount(self) -> None:
        """Show the choices."""
        choices = self.query_one("#choices", RowTable)
        choices.show([Row(key, (Cell(sanitize(words)),)) for key, words in _CHOICES.items()])
        choices.focus()

    @on(RowTable.Opened)
    def _choose(self, message: RowTable.Opened) -> None:
        if not too_small(self):
            self.dismiss(OutcomeDecision(message.key) if message.key else None)


def known_lines(outcome: OutcomeView) -> list[str]:
    """What is known of the call."""
    action = outcome.action
    end = "its worker was lost" if outcome.lost else "its worker gave the run back"
    started = f"started {clock_time(outcome.started_at)}" if outcome.started_at else "started"
    lines = [
        f"{action.target or action.kind} ({outcome.step_id}), attempt {outcome.attempt}",
        f"{started}; {clock_time(outcome.requested_at)} {end}",
        "Nobody knows whether it had its effect.",
        f"parameters {brief_json(action.params)[:_MOST_PARAMETERS]}",
        f"key handed to the tool: {outcome.idempotency_key}",
    ]
    if outcome.gated:
        lines.append("It had been approved; that approval is used up.")
    return lines
