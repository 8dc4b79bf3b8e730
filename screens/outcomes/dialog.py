"""What became of an interrupted call: what is known of it, and what can be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import OutcomeDecision, RequestStatus
from screens.frame.choice_dialog import ChoiceDialog
from screens.frame.console import attempt
from screens.widgets.ages import clock_time, expiry, full_time
from screens.widgets.json.json_text import brief_json
from screens.widgets.status_labels import REQUEST_LABELS

if TYPE_CHECKING:
    from engine.contracts.runs.request import OutcomeView
    from screens.frame.console_state import ConsoleState
    from screens.frame.screen import FeedArrived

_CHOICES = {
    OutcomeDecision.RUN_AGAIN: "Run again: the call did not have its effect, or may have it twice",
    OutcomeDecision.DONE: "It was done: go on without calling again; asks what it brought",
    OutcomeDecision.FAIL: "Fail the step",
}
SAID = {
    OutcomeDecision.RUN_AGAIN: "run again",
    OutcomeDecision.DONE: "it was done",
    OutcomeDecision.FAIL: "fail the step",
}
_MOST_PARAMETERS = 600


class OutcomeDialog(ChoiceDialog[OutcomeDecision]):
    """Asks what became of a call: a list of four whose first row changes nothing."""

    def __init__(self, state: ConsoleState, outcome: OutcomeView) -> None:
        self._state = state
        self._outcome = outcome
        super().__init__(
            "What became of this call?",
            known_lines(outcome),
            column="Say",
            nothing="Say nothing yet",
            choices=_CHOICES,
            asks_on=(OutcomeDecision.DONE,),
        )

    async def on_feed_arrived(self, message: FeedArrived) -> None:
        """Somebody else may have said it meanwhile, or its time may be over."""
        batch, asked = message.batch, self._outcome
        if batch.lagged or any(event.run_id == asked.run_id for event in batch.events):
            now = await attempt(self, self._state.engine.requests.outcome(asked.request_id))
            if now is not None and now.status is not RequestStatus.PENDING:
                self.void(f"Nothing was said: {_format_closed(now)}")


def _format_closed(now: OutcomeView) -> str:
    """Who said what, or that nobody is asked any more."""
    if now.decision is None or now.decided_by is None or now.decided_at is None:
        return f"it is {REQUEST_LABELS[now.status].word}, nobody is asked any more"
    return f"{now.decided_by} said at {full_time(now.decided_at)}: {SAID[now.decision]}"


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
