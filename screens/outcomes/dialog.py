"""What became of an interrupted call: what is known of it, and what can be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import OutcomeDecision
from screens.frame.choice_dialog import ChoiceDialog
from screens.widgets.ages import clock_time, expiry
from screens.widgets.json.json_text import brief_json

if TYPE_CHECKING:
    from engine.contracts.runs.request import OutcomeView

_CHOICES = {
    OutcomeDecision.RUN_AGAIN: "Run again: the call did not have its effect, or may have it twice",
    OutcomeDecision.DONE: "It was done: go on without calling again",
    OutcomeDecision.FAIL: "Fail the step",
}
_MOST_PARAMETERS = 600


class OutcomeDialog(ChoiceDialog[OutcomeDecision]):
    """Asks what became of a call: a list of four whose first row changes nothing."""

    def __init__(self, outcome: OutcomeView) -> None:
        super().__init__(
            "What became of this call?",
            known_lines(outcome),
            column="Say",
            nothing="Say nothing yet",
            choices=_CHOICES,
        )


def known_lines(outcome: OutcomeView) -> list[str]:
    """What is known of the call."""
    action = outcome.action
    end = "its worker was lost" if outcome.lost else "its worker gave the run back"
    started = f"started {clock_time(outcome.started_at)}" if outcome.started_at else "started"
    about = f" · {outcome.subject}" if outcome.subject else ""
    lines = [
        f"{outcome.pack}/{outcome.flow}{about}",
        f"{action.target or action.kind} ({outcome.step_id}), attempt {outcome.attempt}",
        f"{started}; {clock_time(outcome.requested_at)} {end}",
        "Nobody knows whether it had its effect.",
        f"parameters {brief_json(action.params)[:_MOST_PARAMETERS]}",
        f"key handed to the tool: {outcome.idempotency_key}",
    ]
    if outcome.gated:
        lines.append("It had been approved; that approval is used up.")
    if outcome.expires_at:
        lines.append(expiry(outcome.expires_at, outcome.expires_with))
    return lines
