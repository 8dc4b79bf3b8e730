"""Keys that lead from a run to its event log, and to what it asks a person."""

from __future__ import annotations

from engine.contracts.status import RequestStatus
from screens.frame.current_run import CurrentRunScreen
from screens.frame.screen import console, show_notice
from screens.keys.bindings import bindings


class LookVerbs(CurrentRunScreen):
    """Open the log and the request of the run."""

    BINDINGS = bindings("run.logs", "run.pending")

    def action_logs(self) -> None:
        """The event log of the run."""
        if run_id := self.current_run():
            console(self).open_run(run_id, pane="log")

    def action_pending(self) -> None:
        """The approval or form the run waits for."""
        if self.may_act() and (run_id := self.current_run()):
            self.act(self._open_pending(run_id))

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
            show_notice(self, f"{run_id} waits for nobody.")
