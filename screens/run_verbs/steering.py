"""Keys that pause, resume, cancel and retry: the run under the cursor, or all marked ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RUN_TERMINAL, CancelMode, RunStatus
from screens.frame.console import show_notice
from screens.frame.current_run import CurrentRunScreen, existing_runs
from screens.keys.bindings import bindings
from screens.run_verbs.bulk import (
    OPEN,
    PAUSE,
    RESUME,
    RETRY,
    BulkDialog,
    BulkVerb,
    cancel_verb,
    do_all,
    format_statuses,
)
from screens.run_verbs.cancel_menu import CancelMenu
from screens.widgets.numbers import counted
from screens.widgets.status_labels import RUN_LABELS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from engine.contracts.runs.listed import RunView
    from engine.contracts.runs.run import VerbResult


class SteerVerbs(CurrentRunScreen):
    """Pause, resume, cancel, retry."""

    BINDINGS = bindings("run.pause", "run.cancel", "run.retry")

    def action_pause(self) -> None:
        """Pause, or resume what is paused."""
        if not self.may_act():
            return
        if marked := self.selected_runs():
            self.act(self._with_all(marked, self._ask_pause_all))
        elif run_id := self.current_run():
            # What is shown decides: a colleague's pause of just now is not taken back by a second one.
            if self.shows_paused():
                resume = self.state.engine.runs.resume(run_id, actor=self.state.actor)
                self.act(self._say(resume, "goes on", "was not paused"))
            else:
                pause = self.state.engine.runs.pause(run_id, actor=self.state.actor)
                self.act(self._say(pause, "pauses at the next step", "is paused, or about to be, already"))

    def action_cancel(self) -> None:
        """Ask when to cancel."""
        if not self.may_act():
            return
        if marked := self.selected_runs():
            self.act(self._with_all(marked, self._ask_cancel_all))
        elif run_id := self.current_run():
            self._ask_cancel(run_id)

    def action_retry(self) -> None:
        """Continue a failed run at its failed step."""
        if not self.may_act():
            return
        if marked := self.selected_runs():
            self.act(self._with_all(marked, lambda views: self._ask_all(RETRY, views)))
        elif run_id := self.current_run():
            retry = self.state.engine.runs.retry(run_id, actor=self.state.actor)
            self.act(self._say(retry, "goes on at its failed step", "goes on already"))

    def _ask_cancel(self, run_id: str) -> None:
        status = self.run_status()
        if status in RUN_TERMINAL:
            show_notice(self, f"{run_id} is {RUN_LABELS[status].word}: there is nothing to cancel.")
            return

        def chosen(mode: CancelMode | None) -> None:
            if mode is not None:
                cancel = self.state.engine.runs.cancel(run_id, actor=self.state.actor, mode=mode)
                words = "is cancelled" if mode is CancelMode.NOW else "stops after its current step"
                self.act(self._say(cancel, words, "had ended or was being cancelled already"))

        self.app.push_screen(CancelMenu(self.format_run()), chosen)

    async def _with_all(self, run_ids: Sequence[str], then: Callable[[list[RunView]], None]) -> None:
        views = await existing_runs(self.state.engine.runs, run_ids)
        if not views:
            self.deselect(run_ids)
            show_notice(self, "The marked runs are gone.")
        elif self.is_current:
            # Else another dialog or screen has opened meanwhile, and the key has lapsed.
            then(views)

    def _ask_pause_all(self, views: list[RunView]) -> None:
        all_paused = all(_is_paused(view) for view in views)
        self._ask_all(RESUME if all_paused else PAUSE, views)

    def _ask_cancel_all(self, views: list[RunView]) -> None:
        if self._changes_none("Cancel", OPEN, views):
            return

        def chosen(mode: CancelMode | None) -> None:
            if mode is not None:
                self._ask_all(cancel_verb(mode), views)

        self.app.push_screen(
            CancelMenu(f"{len(views)} marked: {format_statuses(views)}", asks_on=True), chosen
        )

    def _changes_none(self, title: str, of: frozenset[RunStatus], views: Sequence[RunView]) -> bool:
        """Whether no run is in a status that the verb is for; it is said, and nobody is asked."""
        if any(view.status in of for view in views):
            return False
        show_notice(
            self, f"{title} changes none of {counted(len(views), 'marked run')}: {format_statuses(views)}."
        )
        return True

    def _ask_all(self, verb: BulkVerb, views: list[RunView]) -> None:
        if self._changes_none(verb.title, verb.of, views):
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self.act(self._do_all(verb, [view.run_id for view in views]))

        self.app.push_screen(BulkDialog(verb, views), answered)

    async def _do_all(self, verb: BulkVerb, run_ids: list[str]) -> None:
        outcome = await do_all(verb, self.state.engine.runs, run_ids, self.state.actor)
        self.deselect([run_id for run_id in run_ids if run_id not in outcome.refused])
        show_notice(self, outcome.text, tone="warning" if outcome.refused else "information")
        self.refresher.ask()

    async def _say(self, verb: Awaitable[VerbResult], changed: str, unchanged: str) -> None:
        result = await verb
        show_notice(self, f"{result.run_id} {changed if result.changed else unchanged}.")
        self.refresher.ask()


def _is_paused(run: RunView) -> bool:
    return run.status is RunStatus.PAUSED or run.pause_requested
