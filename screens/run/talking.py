"""The key that opens the conversation of a run's agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import StepStatus
from engine.facade.pages import every_page
from screens.frame.console import show_notice
from screens.frame.current_run import CurrentRunScreen
from screens.keys.bindings import bindings
from screens.run.conversation.screen import ConversationScreen

if TYPE_CHECKING:
    from engine.contracts.runs.run import StepView
    from engine.facade.runs import Runs


class TalkVerb(CurrentRunScreen):
    """Talk: to the agent at work, else the last one there was."""

    BINDINGS = bindings("run.talk")

    def action_talk(self) -> None:
        """Open the conversation of the run's agent."""
        if run_id := self.current_run():
            self.act(self._talk(run_id))

    async def _talk(self, run_id: str) -> None:
        agent = await _at_work(self.state.engine.runs, run_id)
        if agent is None:
            show_notice(self, "This run has no agent.")
        else:
            self.app.push_screen(ConversationScreen(self.state, run_id, agent.step_id))


async def _at_work(runs: Runs, run_id: str) -> StepView | None:
    last = None
    async for page in every_page(lambda after: runs.steps(run_id, of_type="agent", after=after)):
        for last in page.items:
            if last.status is StepStatus.RUNNING:
                return last
    return last
