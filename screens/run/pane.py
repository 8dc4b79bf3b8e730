"""What the panes of a run share: the run at a moment, and how a pane is loaded, focused and copied from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container

from screens.frame.console import act
from screens.overlays.value_screen import ValueScreen
from screens.widgets.ages import clock_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from datetime import datetime

    from textual.widget import Widget

    from engine.contracts.runs.listed import RunView
    from engine.contracts.runs.run import EventView, RunDetail
    from screens.frame.console_state import ConsoleState


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as it was right after an event; its steps are read where they are shown."""

    event: EventView
    detail: RunDetail

    def format_line(self, back: str) -> str:
        """The line that says that this is not the present; `back` is the key that returns to it.

        What a narrow terminal cuts stands last: the log has the event whole.
        """
        event = self.event
        step = f" · {event.step_id}" if event.step_id else ""
        words = f" ◀ as of event {event.run_seq} · {clock_time(event.ts)} · read-only, {back} returns"
        return f"{words} · {event.kind}{step}"


@dataclass(frozen=True, slots=True)
class RunMoment:
    """What a pane shows: the run as it is, and as it was when the operator looks back."""

    live: RunView
    past: PastRun | None = None

    @property
    def run(self) -> RunView:
        """The run that is shown."""
        return self.past.detail.run if self.past else self.live


class RunPane(Container):
    """One pane of a run. `title` stands in the line of panes."""

    title: ClassVar[str] = ""
    idle: ClassVar[frozenset[str]] = frozenset({"run.follow", "run.marker"})
    """Actions of the screen that have nothing to do here: the last line does not offer them."""

    def __init__(self, state: ConsoleState, run_id: str, *, id: str) -> None:
        super().__init__(id=id)
        self.state = state
        self.run_id = run_id
        self.past: PastRun | None = None

    async def show(self, moment: RunMoment) -> None:
        """Show the run as it is at this moment. Raises what the engine raises."""
        self.past = moment.past
        await self.load(moment)

    async def load(self, moment: RunMoment) -> None:
        """Read what the pane needs and show it. Raises what the engine raises."""

    def act(self, work: Awaitable[object], *, group: str = "act", exclusive: bool = False) -> None:
        """Do what a key asked for, without holding up the next key."""
        act(self, work, group=group, exclusive=exclusive)

    def show_values(self, words: str, values: Mapping[str, object]) -> None:
        """Open values in full, and say of what moment they are."""
        note = self.past.format_line(self.state.keymap.fill("{screen.back}")) if self.past else ""
        self.app.push_screen(ValueScreen(self.state, words, values, note=note))

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

    async def chosen_event(self) -> int | None:
        """The number of the event that the cursor stands for; None when it stands for none."""
        return None
