"""Verbs on a list of runs that fold what a run started, and unfold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import VasiniError
from screens.frame.console import show_notice
from screens.frame.current_run import CurrentRunScreen

if TYPE_CHECKING:
    from engine.contracts.runs.listed import RunSummary
    from screens.frame.console_state import ConsoleState


class FoldVerbs(CurrentRunScreen):
    """What stands open is kept as long as the screen is."""

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self.unfolded: set[str] = set()
        self.revealed = ""
        """A run to show wherever it stands, with the next load."""

    def summary_of(self, run_id: str) -> RunSummary | None:
        """What the list knows of a run."""
        return None

    def filtered(self) -> bool:
        """Whether a filter is in force: then every run stands by itself."""
        return False

    def action_unfold(self) -> None:
        """Show the runs that the one under the cursor started."""
        run = self.summary_of(self.current_run())
        if self.filtered():
            words = "A filter finds every run by itself: {screen.back} clears it"
            show_notice(self, self.state.keymap.fill(words))
        elif run is not None and run.children:
            self.unfolded.add(run.run_id)
            self.refresher.ask_at_once()

    def action_fold(self) -> None:
        """Hide the runs that the one under the cursor started; on one of those, all beside it."""
        run = self.summary_of(self.current_run())
        if run is None or self.filtered():
            return
        parent = run.run_id if run.run_id in self.unfolded else run.parent_run_id or ""
        if parent in self.unfolded:
            self.unfolded.discard(parent)
            self.point_at(parent)
            self.refresher.ask_at_once()

    async def unfold_above(self) -> None:
        """Unfold what the run that is to be revealed stands below."""
        run_id, self.revealed = self.revealed, ""
        while run_id:
            try:
                run_id = (await self.state.engine.runs.summary(run_id)).parent_run_id or ""
            except VasiniError:  # gone meanwhile, or damaged
                return
            if run_id:
                self.unfolded.add(run_id)
