"""Named points at which a test may kill the process; off in production."""

from __future__ import annotations

from typing import Protocol


class Faults(Protocol):
    """What a test hangs into the runtime: it is called with the name of each point that is passed."""

    def reach(self, point: str, step_type: str) -> None:
        """`point` is one of POINTS, `step_type` the type of step the transition is about, or `run`."""
        ...


POINTS = (
    "before_commit",
    "after_commit",
    "before_tool",
    "after_tool",
    "before_document",
    "after_document",
)


class NoFaults:
    """Outside of tests: points are passed and nothing happens."""

    def reach(self, point: str, step_type: str) -> None:
        """Do nothing."""


NO_FAULTS = NoFaults()
