"""What is known of the steps below an agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from engine.contracts.status import StepStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from engine.contracts.runs.request import FormView
    from engine.contracts.runs.run import StepView

WAITS_FOR_PEOPLE = frozenset({StepStatus.PENDING_HUMAN, StepStatus.PENDING_USER_INPUT})


def newest_visits(paths: Iterable[str]) -> dict[str, str]:
    """Of calls that were begun more than once, since what a person had approved had changed by then: the path
    of the newest execution by that of the first."""
    newest: dict[str, tuple[int, str]] = {}
    for path in paths:
        step, _, visit = path.rpartition("~")
        if step and visit.isdecimal():
            newest[step] = max(newest.get(step, (0, "")), (int(visit), path))
    return {step: path for step, (_, path) in newest.items()}


@dataclass(frozen=True)
class AgentSteps:
    """Everything by the path of its step."""

    steps: Mapping[str, StepView]
    """With their values whole."""
    decided: Mapping[str, str] = field(default_factory=dict)
    """What people said of calls."""
    forms: Mapping[str, FormView] = field(default_factory=dict)
    """Those in which people wrote to the agent, or answered its calls."""
    costs: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Billionths of a US dollar, and calls of unknown cost."""
    asking: Collection[str] = ()
    """Calls that wait for people, also where they were not read."""
    calls: bool = True
    """Whether calls were read, or only turns."""

    @cached_property
    def _newest(self) -> dict[str, str]:
        return newest_visits(chain(self.steps, self.asking))

    def newest(self, path: str) -> str:
        """Where the call of that path stands now."""
        return self._newest.get(path, path)
