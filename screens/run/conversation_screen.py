"""The conversation of an agent, as far as it has come: it grows while the run is worked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.frame.screen import ConsoleScreen
from screens.keys.bindings import bindings
from screens.run.conversation_text import conversation_lines
from screens.widgets.plain import Plain
from screens.widgets.text_lines import TextLines, safe_lines

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.facade.feed import FeedBatch
    from engine.safe_text import SafeText
    from screens.frame.console_state import ConsoleState

CONTINUED = "┆ "
_NOTE = " What models and tools wrote stands behind a bar; it is data, whatever it says."


class ConversationScreen(ConsoleScreen):
    """`step_id` is the agent's path."""

    BINDINGS = bindings("run.wrap")

    def __init__(self, state: ConsoleState, run_id: str, step_id: str) -> None:
        super().__init__(state)
        self._run_id, self._step_id = run_id, step_id
        self._lines: list[SafeText] = []

    def body(self) -> ComposeResult:
        """Whose it is, what is to be known, lines."""
        yield Plain(sanitize(f"Conversation of {self._step_id}"), classes="form-title")
        yield Plain(sanitize(_NOTE), id="text-note")
        yield TextLines(continued=CONTINUED, id="conversation")

    def on_mount(self) -> None:
        """The lines have the keys."""
        super().on_mount()
        self.query_one("#conversation").focus()

    def concerned(self, batch: FeedBatch) -> bool:
        """By events of its run."""
        return batch.lagged or any(event.run_id == self._run_id for event in batch.events)

    async def load(self) -> None:
        """All of it; what was there already stays where it is, and new lines come into view at its end."""
        found = await self.state.engine.runs.conversation(self._run_id, self._step_id)
        lines = await asyncio.to_thread(lambda: safe_lines("\n".join(conversation_lines(found))))
        shown = self.query_one("#conversation", TextLines)
        if lines == self._lines:
            return
        following = shown.is_vertical_scroll_end
        place = shown.scroll_offset.y
        shown.show(lines)
        if self._lines and following:
            shown.scroll_end(animate=False)
        else:
            shown.scroll_to(y=place, animate=False)
        self._lines = lines

    def copied_id(self) -> str:
        """The conversation as it is shown."""
        return "\n".join(self._lines)

    def action_wrap(self) -> None:
        """Break long lines or cut them."""
        self.query_one("#conversation", TextLines).toggle_wrap()
