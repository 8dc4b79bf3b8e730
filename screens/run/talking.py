"""The key that opens the conversation of a run's agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import StepStatus
from screens.frame.console import show_notice
from screens.frame.current_run import CurrentRunScreen
from screens.keys.bindings import bindings
from screens.run.conversation.screen import ConversationScreen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.runs.run import StepView


class TalkVerb(CurrentRunScreen):
    """Talk: to the agent at work, else the last one there was."""

    BINDINGS = bindings("run.talk")

    def action_talk(self) -> None:
        """Open the conversation of the run's agent."""
        if run_id := self.current_run():
            self.act(self._talk(run_id))

    async def _talk(self, run_id: str) -> None:
        agents = await self.state.engine.runs.steps(run_id, of_type="agent")
        if not agents:
            show_notice(self, "This run has no agent.")
            return
        self.app.push_screen(ConversationScreen(self.state, run_id, _at_work(agents).step_id))


def _at_work(agents: Sequence[StepView]) -> StepView:
    return next((step for step in agents if step.status is StepStatus.RUNNING), agents[-1])
