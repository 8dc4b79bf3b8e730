"""A Markdown text as it is meant to be read; a key shows it as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.frame.screen import ConsoleScreen
from screens.keys.bindings import bindings
from screens.overlays.text_screen import TextScreen
from screens.widgets.markdown_text import MarkdownText
from screens.widgets.plain import Plain
from screens.widgets.scrolling import ScrollKeys
from screens.widgets.text_lines import safe_lines

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from screens.frame.console_state import ConsoleState

MOST_CHARACTERS = 40_000
"""A longer text is shown as it was written: drawing it would take seconds."""


class MarkdownScreen(ConsoleScreen):
    """What is drawn may leave things out, as comments and where links lead: the source has all of it.

    Links are not followed. `copied` is what the copy key takes.
    """

    BINDINGS = bindings("file.", "find.words")

    def __init__(self, state: ConsoleState, title: str, text: str, *, copied: str) -> None:
        super().__init__(state)
        self._title, self._text, self._copied = title, text, copied

    def body(self) -> ComposeResult:
        """Title, what is to be known, text."""
        note = self.state.keymap.fill("Drawn as Markdown; {file.source} shows the text as it was written.")
        yield Plain(sanitize(self._title), classes="form-title")
        yield Plain(note, id="text-note")
        with ScrollKeys(id="markdown"):
            yield MarkdownText(safe_lines(self._text))

    def on_mount(self) -> None:
        """The text has the keys."""
        super().on_mount()
        self.query_one("#markdown").focus()

    def copied_id(self) -> str:
        """The path of the file."""
        return self._copied

    def action_source(self) -> None:
        """The text as it was written."""
        self._show_source()

    def action_filter(self) -> None:
        """Type what to look for in the text as it was written: what is drawn may leave things out."""
        self._show_source(search=True)

    def _show_source(self, *, search: bool = False) -> None:
        source = TextScreen(self.state, self._title, self._text, copied=self._copied, search=search)
        self.app.push_screen(source)
