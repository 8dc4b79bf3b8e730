"""Keys that hand a run off, and go to the runs it was handed off from or to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.forms.known_values import known_values
from screens.frame.console import console, show_notice
from screens.frame.current_run import CurrentRunScreen, existing_runs
from screens.handoff.dialogs import HandoffDialog, RelatedDialog
from screens.handoff.form import HandoffFormScreen
from screens.keys.bindings import bindings

if TYPE_CHECKING:
    from engine.contracts.runs.listed import RunView
    from screens.handoff.dialogs import HandoffChoice

MOST_RELATED = 50
"""Runs that took over which are listed, the newest."""


class HandoffVerbs(CurrentRunScreen):
    """Hand the run off, open the runs it is related to."""

    BINDINGS = bindings("run.hand_off", "run.handoffs")

    def action_hand_off(self) -> None:
        """Choose what takes over, then fill its form."""
        if self.may_act() and (run_id := self.current_run()):
            self.act(self._choose_target(run_id))

    def action_handoffs(self) -> None:
        """The run it was handed off from or to; of several one is picked."""
        if run_id := self.current_run():
            self.act(self._open_related(run_id))

    async def _choose_target(self, run_id: str) -> None:
        runs = self.state.engine.runs
        run, handoffs = await runs.summary(run_id), await runs.handoffs(run_id)
        if not handoffs:
            show_notice(self, f"{run.pack} declares no handoffs: there is nothing to hand off to.")
            return

        def chosen(choice: HandoffChoice | None) -> None:
            if choice is not None:
                self.act(self._fill(run, choice))

        if self.is_current:
            self.app.push_screen(HandoffDialog(run, handoffs), chosen)

    async def _fill(self, run: RunView, choice: HandoffChoice) -> None:
        known = await known_values(self.state.engine, choice.flow.input_schema, run.input)
        if self.is_current:
            self.app.push_screen(HandoffFormScreen(self.state, run, choice, known))

    async def _open_related(self, run_id: str) -> None:
        runs = self.state.engine.runs
        run, found = await runs.summary(run_id), await runs.successors(run_id)
        source = await existing_runs(runs, [run.handed_off_from] if run.handed_off_from else [])
        successors = await existing_runs(runs, found[::-1][:MOST_RELATED])
        if not source and not successors:
            show_notice(self, f"{run_id} was not handed off, and took over from no other run.")
        elif len(source) + len(successors) == 1:
            console(self).open_run((*source, *successors)[0].run_id)
        elif self.is_current:
            dialog = RelatedDialog(run_id, source[0] if source else None, successors)
            self.app.push_screen(dialog, self._open_picked)

    def _open_picked(self, run_id: str | None) -> None:
        if run_id:
            console(self).open_run(run_id)
