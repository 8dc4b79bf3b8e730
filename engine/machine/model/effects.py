"""What the runtime has to do after a transition; everything else is in the events."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from engine.frozen import frozen


@frozen
class Prepare:
    """Render the step at `path`, then tell the run `StepPrepared`."""

    path: str


@frozen
class Collect:
    """Store the joined outputs of `path`, then tell the run `Collected`."""

    path: str
    value: Any


@frozen
class PrepareOutput:
    """Normalize and check the run's output, then tell the run `OutputPrepared`."""

    value: Any


@frozen
class RunStep:
    """Call the tool of the execution at `path`."""

    path: str
    attempt: int


@frozen
class CancelStep:
    """Stop the tool call at `path`: grace, then kill."""

    path: str


@frozen
class SetTimer:
    """Tell the run `TimerFired(timer)` at `due` (microseconds UTC)."""

    timer: str
    due: int


@frozen
class CancelTimer:
    """Forget a timer; unknown ones are no error."""

    timer: str


@frozen
class StartChild:
    """Queue a child run under this one."""

    path: str
    child_run_id: str
    subflow: str
    payload: Any


class ChildVerb(StrEnum):
    """What a run passes on to the runs it started."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    """After the step it is in: whoever passes it on waits for the child's end."""
    CANCEL_NOW = "cancel_now"
    CANCEL_LATE = "cancel_late"
    """As `CANCEL_NOW`, as the time of what started it is over."""


@frozen
class SteerChild:
    """Pass a verb on to a child run."""

    child_run_id: str
    verb: ChildVerb


Effect = (
    Prepare
    | Collect
    | PrepareOutput
    | RunStep
    | CancelStep
    | SetTimer
    | CancelTimer
    | StartChild
    | SteerChild
)
