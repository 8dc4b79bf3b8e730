"""What the panes of a run share: the run at a moment, and how a pane is loaded, focused and copied from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container

if TYPE_CHECKING:
    from datetime import datetime

    from textual.widget import Widget

    from engine.contracts.run import EventView, RunDetail, RunView
    from screens.frame.console_state import ConsoleState


@dataclass(frozen=True, slots=True)
class AsOf:
    """A run as it was right after an event."""

    event: EventView
    detail: RunDetail


@dataclass(frozen=True, slots=True)
class Moment:
    """What a pane shows: the run as it is, and as it was when the operator looks back."""

    live: RunView
    past: AsOf | None = None

    @property
    def run(self) -> RunView:
        """The run that is shown."""
        return self.past.detail.run if self.past else self.live


class RunPane(Container):
    """One pane of a run. `title` stands in the line of panes."""

    title: ClassVar[str] = ""

    def __init__(self, state: ConsoleState, run_id: str, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.state = state
        self.run_id = run_id

    async def load(self, moment: Moment) -> None:
        """Read what the pane needs and show it. Raises what the engine raises."""

    def target(self) -> Widget:
        """The part that takes the keys."""
        return self

    def copied(self) -> str:
        """What the copy key copies here; empty for the run's id."""
        return ""

    def tick(self, now: datetime) -> None:
        """Draw what changes with time alone."""

    def moments(self, now: datetime) -> list[datetime]:
        """Moments whose age is shown here, besides that of the run."""
        return []

    def leave(self) -> bool:
        """Take one step back inside the pane; False when there is none to take."""
        return False

    def toggle_times(self) -> bool:
        """Times of the day, or since the run began; False when there are none here."""
        return False

    def toggle_follow(self) -> str:
        """Stay with the newest; words for what is so now, empty when there is nothing to follow."""
        return ""

    def toggle_wrap(self) -> bool:
        """Long text in full, or on one line; False when there is none here."""
        return False

    async def marked_event(self) -> int | None:
        """The number of the event that the cursor stands for; None when it stands for none."""
        return None
