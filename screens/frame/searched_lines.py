"""A long text in which words can be looked for, from one line that has them to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from screens.frame.console import console, show_notice
from screens.frame.inputs import SearchLine
from screens.keys.bindings import bindings
from screens.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult


class SearchedLines(Vertical):
    """The text, and above it, while it is used, the line for the words.

    `lines_id` is the id of the text; `found` is called when a line was found, before it is shown.
    """

    BINDINGS = bindings("find.")

    def __init__(
        self,
        placeholder: str,
        *,
        lines_id: str,
        found: Callable[[], None] = lambda: None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.lines = TextLines(id=lines_id)
        self._line = SearchLine(placeholder=placeholder, id=f"{lines_id}-search")
        self._tell_found = found
        self._wanted = ""

    def compose(self) -> ComposeResult:
        """Words to look for, lines."""
        yield self._line
        yield self.lines

    def target(self) -> SearchLine | TextLines:
        """The line to type into while it is in use, else the text."""
        return self._line if self._line.has_focus else self.lines

    def leave_search(self) -> bool:
        """Look for nothing any more; False when nothing was looked for."""
        if not self._line.shown:
            return False
        self._wanted = ""
        self._line.shown = False
        self.lines.forget_found()
        self.lines.focus()
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nothing is looked for, the key that leaves is the screen's."""
        if action == "leave_search":
            return self._line.shown
        return super().check_action(action, parameters)

    def action_filter(self) -> None:
        """Type what to look for."""
        self._line.offer()

    def action_next_match(self) -> None:
        """The next line with the words."""
        self._match(1)

    def action_previous_match(self) -> None:
        """The one before."""
        self._match(-1)

    def action_leave_search(self) -> None:
        """Look for nothing any more."""
        self.leave_search()

    @on(Input.Submitted)
    def _typed_all(self, message: Input.Submitted) -> None:
        message.stop()
        self._wanted = message.value.strip()
        self.lines.forget_found()
        self.lines.focus()
        if self._wanted:
            self._match(1)
        else:
            self._line.shown = False

    def _match(self, by: int) -> None:
        if not self._wanted:
            keymap = console(self).state.keymap
            show_notice(self, keymap.fill("Nothing to look for: press {find.words} and type"))
        elif self.lines.find(self._wanted, by):
            self._tell_found()
        else:
            show_notice(self, "No line that is shown has these words")
