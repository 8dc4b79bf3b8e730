"""Rendering of a wait: when it is over."""

from __future__ import annotations

from typing import Any

from engine.contracts.flows.flow import WaitStep
from engine.contracts.moment import MAX_WAIT_SECONDS, wait_moment, wait_seconds
from engine.contracts.times import from_micros, rfc3339
from engine.errors import InvalidInput
from engine.machine.model.inputs import StepPrepared
from engine.runtime.worker.steps.rendering import Rendering, StepRenderer


class WaitRenderer(StepRenderer[WaitStep]):
    """Renders a wait: a time becomes a moment when the step starts."""

    type = "wait"

    def prepare(self, step: WaitStep, at: Rendering) -> StepPrepared:
        """The moment. Raises InvalidInput for what is neither a time nor a moment."""
        fixed = step.until is not None
        due = _moment(at.value(step.until)) if fixed else at.now + _micros(at.value(step.duration))
        if due - at.now > MAX_WAIT_SECONDS * 1_000_000:
            raise InvalidInput("a wait is at most a year long", {"until": rfc3339(from_micros(due))})
        shown = at.store({"until": rfc3339(from_micros(due))})
        return StepPrepared(now=at.now, path=at.path, value=shown, due=due, fixed=fixed)


def _micros(duration: Any) -> int:
    try:
        return round(wait_seconds(duration) * 1_000_000)
    except ValueError as error:
        raise InvalidInput(f"`duration`: expected {error}") from None


def _moment(until: Any) -> int:
    try:
        return wait_moment(until)
    except ValueError as error:
        raise InvalidInput(f"`until`: expected {error}") from None
