"""A screen with a run that keys are about: the base of verbs on runs, which know nothing of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from engine.errors import NotFound
from screens.frame.screen import ConsoleScreen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.runs.listed import RunView
    from engine.facade.runs import Runs


class CurrentRunScreen(ConsoleScreen):
    """Subclasses say which run it is, which ones are marked, and whether anything may be done to them."""

    def current_run(self) -> str:
        """The id of the run that keys are about; empty when there is none."""
        return ""

    def run_status(self) -> RunStatus | None:
        """How that run stands, as it is shown; None when that is not known."""
        return None

    def shows_paused(self) -> bool:
        """Whether that run is shown as one that is paused, or will be."""
        return self.run_status() is RunStatus.PAUSED

    def selected_runs(self) -> Sequence[str]:
        """The ids of several runs that verbs are about instead; none without marks."""
        return ()

    def deselect(self, run_ids: Sequence[str]) -> None:
        """A verb was done to these: take their marks away."""

    def may_act(self) -> bool:
        """Whether verbs may change the run now; says why not."""
        return True

    def format_run(self) -> str:
        """Words for that run, for menus."""
        return self.current_run()

    def copied_id(self) -> str:
        """The run id."""
        return self.current_run()


async def existing_runs(runs: Runs, run_ids: Sequence[str]) -> list[RunView]:
    """The runs as they are now; those that are gone are left out."""
    found: list[RunView] = []
    for run_id in run_ids:
        try:
            found.append(await runs.summary(run_id))
        except NotFound:
            continue
    return found
