"""Keys that steer a run; they mean the same in the list of runs and inside a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import CancelMode, RequestStatus, RunStatus
from screens.compare.dialog import CompareDialog
from screens.compare.screen import CompareScreen
from screens.frame.screen import console, tell
from screens.handoff.verbs import HandoffVerbsScreen
from screens.keys.bindings import bindings
from screens.run_verbs.bulk import (
    PAUSE,
    RESUME,
    RETRY,
    BulkDialog,
    BulkVerb,
    cancel_verb,
    do_all,
    read_all,
    status_words,
)
from screens.run_verbs.cancel_menu import CancelMenu

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from engine.contracts.run import RunView, VerbResult


class RunVerbsScreen(HandoffVerbsScreen):
    """A screen with a run under the cursor: pause, resume, cancel, retry, log, request, compare, hand off."""

    BINDINGS = bindings(
        "run.pause",
        "run.cancel",
        "run.retry",
        "run.logs",
        "run.pending",
        "run.diff",
        "run.hand_off",
        "run.handoffs",
    )

    def marked_runs(self) -> Sequence[str]:
        """The ids of several runs that pause, cancel and retry are about instead; none without marks."""
        return ()

    def unmark(self, run_ids: Sequence[str]) -> None:
        """A verb was done to these: take their marks away."""

    def run_words(self) -> str:
        """Words for that run, for menus."""
        return self.current_run()

    def copied_id(self) -> str:
        """The run id."""
        return self.current_run()

    def action_pause(self) -> None:
        """Pause, or resume what is paused."""
        if marked := self.marked_runs():
            self.act(self._with_all(marked, self._ask_pause_all))
        elif run_id := self.current_run():
            self.act(self._pause_or_resume(run_id))

    def action_cancel(self) -> None:
        """Ask when to cancel."""
        if marked := self.marked_runs():
            self.act(self._with_all(marked, self._ask_cancel_all))
        elif run_id := self.current_run():
            self._ask_cancel(run_id)

    def action_retry(self) -> None:
        """Continue a failed run at its failed step."""
        if marked := self.marked_runs():
            self.act(self._with_all(marked, lambda views: self._ask_all(RETRY, views)))
        elif run_id := self.current_run():
            retry = self.state.engine.runs.retry(run_id, actor=self.state.actor)
            self.act(self._say(retry, "goes on at its failed step", "goes on already"))

    def action_logs(self) -> None:
        """The event log of the run."""
        if run_id := self.current_run():
            console(self).open_run(run_id, pane="log")

    def action_pending(self) -> None:
        """The approval or form the run waits for."""
        if run_id := self.current_run():
            self.act(self._open_pending(run_id))

    def action_diff(self) -> None:
        """Compare the two marked runs, or this one with another."""
        marked = self.marked_runs()
        if len(marked) == 2:
            self.act(self._compare(*marked))
        elif marked:
            tell(
                self,
                f"Two marked runs are compared; {len(marked)} {'is' if len(marked) == 1 else 'are'} marked.",
            )
        elif run_id := self.current_run():
            self.act(self._ask_other(run_id))

    def _ask_cancel(self, run_id: str) -> None:
        def chosen(mode: CancelMode | None) -> None:
            if mode is not None:
                cancel = self.state.engine.runs.cancel(run_id, actor=self.state.actor, mode=mode)
                words = "is cancelled" if mode is CancelMode.NOW else "stops after its current step"
                self.act(self._say(cancel, words, "had ended or was being cancelled already"))

        self.app.push_screen(CancelMenu(self.run_words()), chosen)

    async def _with_all(self, run_ids: Sequence[str], then: Callable[[list[RunView]], None]) -> None:
        views = await read_all(self.state.engine.runs, run_ids)
        if not views:
            self.unmark(run_ids)
            tell(self, "The marked runs are gone.")
        elif self.is_current:
            # Else another dialog or screen has opened meanwhile, and the key has lapsed.
            then(views)

    def _ask_pause_all(self, views: list[RunView]) -> None:
        all_paused = all(_is_paused(view) for view in views)
        self._ask_all(RESUME if all_paused else PAUSE, views)

    def _ask_cancel_all(self, views: list[RunView]) -> None:
        def chosen(mode: CancelMode | None) -> None:
            if mode is not None:
                self._ask_all(cancel_verb(mode), views)

        self.app.push_screen(CancelMenu(f"{len(views)} marked: {status_words(views)}"), chosen)

    def _ask_all(self, verb: BulkVerb, views: list[RunView]) -> None:
        def answered(sure: bool | None) -> None:
            if sure:
                self.act(self._do_all(verb, [view.run_id for view in views]))

        self.app.push_screen(BulkDialog(verb, views), answered)

    async def _do_all(self, verb: BulkVerb, run_ids: list[str]) -> None:
        outcome = await do_all(verb, self.state.engine.runs, run_ids, self.state.actor)
        self.unmark([run_id for run_id in run_ids if run_id not in outcome.refused])
        tell(self, outcome.words, tone="warning" if outcome.refused else "information")
        self.refresher.ask()

    async def _ask_other(self, run_id: str) -> None:
        run = await self.state.engine.runs.summary(run_id)

        def chosen(other: str | None) -> None:
            if other:
                self.act(self._compare(run_id, other))

        self.app.push_screen(CompareDialog(self.state, run), chosen)

    async def _compare(self, left: str, right: str) -> None:
        await self.state.engine.runs.summary(right)
        self.app.push_screen(CompareScreen(self.state, left, right, view=self.view))

    async def _pause_or_resume(self, run_id: str) -> None:
        runs, actor = self.state.engine.runs, self.state.actor
        run = await runs.summary(run_id)
        if _is_paused(run):
            await self._say(runs.resume(run_id, actor=actor), "goes on", "was not paused")
        else:
            await self._say(runs.pause(run_id, actor=actor), "pauses at the next step", "is paused already")

    async def _say(self, verb: Awaitable[VerbResult], changed: str, unchanged: str) -> None:
        result = await verb
        tell(self, f"{result.run_id} {changed if result.changed else unchanged}.")
        self.refresher.ask()

    async def _open_pending(self, run_id: str) -> None:
        requests = self.state.engine.requests
        approvals = await requests.approvals(status=RequestStatus.PENDING, run_id=run_id, limit=1)
        if approvals.items:
            console(self).show_in("approvals", approvals.items[0].approval_id)
            return
        forms = await requests.forms(status=RequestStatus.PENDING, run_id=run_id, limit=1)
        if forms.items:
            console(self).open_form(forms.items[0])
        else:
            tell(self, f"{run_id} waits for nobody.")


def _is_paused(run: RunView) -> bool:
    return run.status is RunStatus.PAUSED or run.pause_requested
