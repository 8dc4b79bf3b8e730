"""Keys that lead from a run to its event log, and to what it asks a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.facade.pages import first_of
from screens.frame.console import console, show_notice
from screens.frame.current_run import CurrentRunScreen
from screens.keys.bindings import bindings

if TYPE_CHECKING:
    from engine.contracts.runs.request import ApprovalView, FormView, OutcomeView
    from engine.facade.requests import Requests


class LookVerbs(CurrentRunScreen):
    """Open the log and the request of the run."""

    BINDINGS = bindings("run.logs", "run.pending")

    def action_logs(self) -> None:
        """The event log of the run."""
        if run_id := self.current_run():
            console(self).open_run(run_id, pane="log")

    def action_pending(self) -> None:
        """What the run asks a person."""
        if self.may_act() and (run_id := self.current_run()):
            self.act(self._open_pending(run_id))

    async def _open_pending(self, run_id: str) -> None:
        from engine.contracts.runs.request import ApprovalView, FormView  # noqa: PLC0415 - after the first frame

        waiting = await pending_of(self.state.engine.requests, run_id)
        if waiting is None:
            show_notice(self, f"{run_id} waits for nobody.")
        elif isinstance(waiting, FormView):
            console(self).open_form(waiting)
        else:  # interrupted calls stand above the approvals
            key = waiting.approval_id if isinstance(waiting, ApprovalView) else waiting.request_id
            console(self).show_in("approvals", key)


async def pending_of(requests: Requests, run_id: str) -> ApprovalView | FormView | OutcomeView | None:
    """What the run asks a person: an approval before a form, a form before an interrupted call."""
    approval = await first_of(lambda after: requests.approvals(run_id=run_id, limit=1, after=after))
    form = None
    if approval is None:
        form = await first_of(lambda after: requests.forms(run_id=run_id, limit=1, after=after))
    if approval is not None or form is not None:
        return approval or form
    return await first_of(lambda after: requests.outcomes(run_id=run_id, limit=1, after=after))
