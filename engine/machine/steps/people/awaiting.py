"""A call that waits for an answer: its run parks with a form, and what is answered is what it brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.machine.events.request_facts import UserInputRequested
from engine.machine.model.effects import SetTimer
from engine.machine.model.timers import TimerKind, timer_name

if TYPE_CHECKING:
    from engine.machine.model.state import Execution
    from engine.machine.transition_builder import TransitionBuilder


def await_answer(builder: TransitionBuilder, execution: Execution, awaits: dict[str, Any]) -> None:
    """Open the form; the call is not made again for it, whatever becomes of its worker."""
    asked = dict(awaits)
    seconds = asked.pop("expires_in", None)
    due = None if seconds is None else builder.input.clock + round(seconds * 1_000_000)
    builder.emit(UserInputRequested(expires_at=due, **asked), execution.path)
    if due is not None:
        builder.effect(SetTimer(timer_name(TimerKind.TIMEOUT, execution.path), due))
