"""The conversation of an agent, as far as it has come; one that waits for a person has a line to write in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Input

from engine.safe_text import sanitize
from screens.frame.inputs import SafeInput
from screens.frame.screen import ConsoleScreen, show_notice
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

    BINDINGS = bindings("run.wrap", "run.talk", "talk.end")

    def __init__(self, state: ConsoleState, run_id: str, step_id: str) -> None:
        super().__init__(state)
        self._run_id, self._step_id = run_id, step_id
        self._lines: list[SafeText] = []
        self._waits_with: str | None = None
        self._writing = False

    def body(self) -> ComposeResult:
        """Whose it is, what is to be known, lines, the line to write in."""
        yield Plain(sanitize(f"Conversation of {self._step_id}"), classes="form-title")
        yield Plain(sanitize(_NOTE), id="text-note")
        yield TextLines(continued=CONTINUED, id="conversation")
        yield SafeInput(placeholder="Your message; Enter sends it", id="message")

    def on_mount(self) -> None:
        """The lines have the keys."""
        super().on_mount()
        self._open_line(opened=False)
        self.query_one("#conversation").focus()

    def concerned(self, batch: FeedBatch) -> bool:
        """By events of its run."""
        return batch.lagged or any(event.run_id == self._run_id for event in batch.events)

    async def load(self) -> None:
        """All of it; what was there already stays where it is, and new lines come into view at its end."""
        found = await self.state.engine.runs.conversation(self._run_id, self._step_id)
        lines = await asyncio.to_thread(lambda: safe_lines("\n".join(conversation_lines(found))))
        self._waits_with = found.waits_with
        self._open_line(opened=found.waits_with is not None)
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

    def _open_line(self, *, opened: bool) -> None:
        """Show the line while the agent waits; what is typed in it stays until it is sent."""
        line = self.query_one("#message", SafeInput)
        came = opened and line.disabled
        if line.has_focus and not opened:
            self.query_one("#conversation").focus()
        line.display, line.disabled = opened, not opened
        if came and self._writing:  # who wrote goes on writing after the answer
            line.focus()

    def copied_id(self) -> str:
        """The conversation as it is shown."""
        return "\n".join(self._lines)

    def action_wrap(self) -> None:
        """Break long lines or cut them."""
        self.query_one("#conversation", TextLines).toggle_wrap()

    def action_talk(self) -> None:
        """Write in the line."""
        if self._waits_with is None:
            show_notice(self, "This agent does not wait for a message now.")
        else:
            self.query_one("#message").focus()

    def action_end_talk(self) -> None:
        """Say that there is nothing more to say."""
        if self._waits_with is None:
            show_notice(self, "This agent does not wait for a message now.")
        else:
            self.act(self._send(self._waits_with, ""))

    def action_back(self) -> None:
        """From the line to the lines, from there to where one came from."""
        self._writing = False
        if self.query_one("#message").has_focus:
            self.query_one("#conversation").focus()
        else:
            super().action_back()

    @on(Input.Submitted, "#message")
    def _written(self, message: Input.Submitted) -> None:
        if self._waits_with is not None and message.value.strip():
            self._writing = True
            self.act(self._send(self._waits_with, message.value))

    async def _send(self, request_id: str, text: str) -> None:
        await self.state.engine.requests.answer(request_id, {"text": text}, actor=self.state.actor)
        self.query_one("#message", SafeInput).value = ""
        self.refresher.ask()
