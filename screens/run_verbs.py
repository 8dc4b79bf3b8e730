"""Keys that steer a run; they mean the same in the list of runs and inside a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import CancelMode, RequestStatus, RunStatus
from screens.actions import bindings
from screens.cancel_menu import CancelMenu
from screens.shell import ConsoleScreen, console, tell

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from engine.contracts.run import VerbResult


class RunVerbsScreen(ConsoleScreen):
    """A screen with a run under the cursor: pause, resume, cancel, retry, log, its request."""

    BINDINGS = bindings("run.pause", "run.cancel", "run.retry", "run.logs", "run.pending")

    def current_run(self) -> str:
        """The id of the run that keys are about; empty when there is none."""
        return ""

    def run_words(self) -> str:
        """Words for that run, for menus."""
        return self.current_run()

    def copied_id(self) -> str:
        """The run id."""
        return self.current_run()

    def action_pause(self) -> None:
        """Pause, or resume what is paused."""
        if run_id := self.current_run():
            self.act(self._pause_or_resume(run_id))

    def action_cancel(self) -> None:
        """Ask when to cancel."""
        run_id = self.current_run()
        if not run_id:
            return

        def chosen(mode: CancelMode | None) -> None:
            if mode is not None:
                cancel = self.desk.engine.runs.cancel(run_id, actor=self.desk.actor, mode=mode)
                words = "is cancelled" if mode is CancelMode.NOW else "stops after its current step"
                self.act(self._say(cancel, words, "had ended or was being cancelled already"))

        self.app.push_screen(CancelMenu(self.run_words()), chosen)

    def action_retry(self) -> None:
        """Continue a failed run at its failed step."""
        if run_id := self.current_run():
            retry = self.desk.engine.runs.retry(run_id, actor=self.desk.actor)
            self.act(self._say(retry, "goes on at its failed step", "goes on already"))

    def action_logs(self) -> None:
        """The event log of the run."""
        if run_id := self.current_run():
            console(self).open_run(run_id, pane="log")

    def action_pending(self) -> None:
        """The approval or form the run waits for."""
        if run_id := self.current_run():
            self.act(self._open_pending(run_id))

    async def _pause_or_resume(self, run_id: str) -> None:
        runs, actor = self.desk.engine.runs, self.desk.actor
        run = await runs.summary(run_id)
        if run.status is RunStatus.PAUSED or run.pause_requested:
            await self._say(runs.resume(run_id, actor=actor), "goes on", "was not paused")
        else:
            await self._say(runs.pause(run_id, actor=actor), "pauses at the next step", "is paused already")

    async def _say(self, verb: Awaitable[VerbResult], changed: str, unchanged: str) -> None:
        result = await verb
        tell(self, f"{result.run_id} {changed if result.changed else unchanged}.")
        self.refresher.ask()

    async def _open_pending(self, run_id: str) -> None:
        requests = self.desk.engine.requests
        approvals = await requests.approvals(status=RequestStatus.PENDING, run_id=run_id, limit=1)
        if approvals.items:
            console(self).open_approval(approvals.items[0].approval_id)
            return
        forms = await requests.forms(status=RequestStatus.PENDING, run_id=run_id, limit=1)
        if forms.items:
            console(self).open_form(forms.items[0])
        else:
            tell(self, f"{run_id} waits for nobody.")
