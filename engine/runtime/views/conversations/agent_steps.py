"""What is known of the steps below an agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.contracts.status import StepStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from engine.contracts.runs.request import FormView
    from engine.contracts.runs.run import StepView

WAITS_FOR_PEOPLE = frozenset({StepStatus.PENDING_HUMAN, StepStatus.PENDING_USER_INPUT})


@dataclass(frozen=True, slots=True)
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
