"""Asking the operator what became of a call, and telling the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import OutcomeDecision
from screens.frame.console import attempt, show_notice
from screens.outcomes.dialog import SAID, OutcomeDialog
from screens.outcomes.output_dialog import CallOutput, OutputDialog, output_draft

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.widget import Widget

    from engine.contracts.runs.request import OutcomeView
    from screens.frame.console_state import ConsoleState


def ask_what_became(
    widget: Widget, state: ConsoleState, outcome: OutcomeView, act: Callable[[Awaitable[object]], None]
) -> None:
    """Open the dialog; `act` does what was said, and nothing when it was closed."""

    async def decide(decision: OutcomeDecision, output: dict[str, Any] | None) -> None:
        requests = state.engine.requests
        await requests.decide_outcome(outcome.request_id, decision, actor=state.actor, output=output)
        await attempt(widget, output_draft(widget, state, outcome.request_id).drop())
        call = outcome.action.target or outcome.step_id
        show_notice(widget, f"Said of {call}: {SAID[decision]}")

    def say(decision: OutcomeDecision, output: dict[str, Any] | None = None) -> None:
        act(decide(decision, output))

    def brought(said: CallOutput | None) -> None:
        if said is not None:
            say(OutcomeDecision.DONE, said.output)

    def chosen(decision: OutcomeDecision | None) -> None:
        if decision is OutcomeDecision.DONE:
            widget.app.push_screen(OutputDialog(state, outcome), brought)
        elif decision is not None:
            say(decision)

    widget.app.push_screen(OutcomeDialog(state, outcome), chosen)
