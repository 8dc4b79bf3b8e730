"""A text in full: a file of a run, or a long text inside a value."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.safe_text import has_hidden, sanitize
from screens.frame.screen import ConsoleScreen
from screens.frame.searched import SearchedLines
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain
from screens.widgets.text_lines import safe_lines

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from screens.frame.console_state import ConsoleState


class TextScreen(ConsoleScreen):
    """`note` says what is not shown; `copied` is what the copy key takes, the text itself by default.

    With `search` it opens with the line for words that are looked for.
    """

    BINDINGS = bindings("run.wrap")

    def __init__(
        self,
        state: ConsoleState,
        title: str,
        text: str,
        *,
        note: str = "",
        copied: str = "",
        search: bool = False,
    ) -> None:
        super().__init__(state)
        self._title, self._text, self._note = title, text, note
        self._copied = copied or text
        self._search = search
        self._searched = SearchedLines("words in the text", lines_id="text")

    def body(self) -> ComposeResult:
        """Title, what is to be known, text."""
        yield Plain(sanitize(self._title), classes="form-title")
        yield Plain(sanitize(self._note), id="text-note")
        yield self._searched

    def on_mount(self) -> None:
        """The text has the keys."""
        super().on_mount()
        if self._search:
            self._searched.action_filter()
        else:
            self._searched.lines.focus()
        self.query_one("#text-note").display = bool(self._note)
        self.act(self._show_text())

    async def _show_text(self) -> None:
        """A long text is made harmless in a thread: keys never wait for it."""
        self._searched.lines.show(await asyncio.to_thread(safe_lines, self._text))
        if await asyncio.to_thread(has_hidden, self._text):
            words = "‼ hidden or control characters are made visible" + (
                f" · {self._note}" if self._note else ""
            )
            self.query_one("#text-note", Plain).show((sanitize(words), "bold $waiting"))
            self.query_one("#text-note").display = True

    def copied_id(self) -> str:
        """The text, or the path of the file."""
        return self._copied

    def action_wrap(self) -> None:
        """Break long lines or cut them."""
        self._searched.lines.toggle_wrap()
