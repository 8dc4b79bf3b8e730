"""A question with a list of answers, of which the first changes nothing."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from textual import on
from textual.containers import Vertical

from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.screen import Dialog, TooSmall, too_small
from screens.widgets.plain import Plain
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult

C = TypeVar("C", bound=Enum)


class ChoiceDialog(Dialog[C]):
    """Closes with the chosen member, or with None by its first row, `nothing`. Enter chooses."""

    def __init__(
        self, title: str, lines: Sequence[str], *, column: str, nothing: str, choices: Mapping[C, str]
    ) -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._column = column
        self._answers = [("", nothing), *((str(at), answer) for at, answer in enumerate(choices.values()))]
        self._choices = list(choices)

    def compose(self) -> ComposeResult:
        """The question, what is known, the answers."""
        with Vertical(classes="dialog"):
            yield Plain(sanitize(self._title), classes="dialog-title")
            for line in self._lines:
                yield Plain(sanitize(line), classes="dialog-text")
            yield RowTable([Column(self._column, 30, flex=1)], id="choices")
            yield KeyHint("{list.open} choose   {dialog.close} close")
        yield TooSmall()

    def on_mount(self) -> None:
        """Show the answers."""
        self._show(self._answers)
        self.query_one("#choices").focus()

    def void(self, words: str) -> None:
        """There is nothing to be answered any more, and why: only what changes nothing is left."""
        self.query_one(".dialog-title", Plain).show((sanitize(words, limit=300), "bold $bad"))
        self._show(self._answers[:1])

    def _show(self, answers: Sequence[tuple[str, str]]) -> None:
        rows = [Row(key, (Cell(sanitize(answer)),)) for key, answer in answers]
        self.query_one("#choices", RowTable).show(rows)

    @on(RowTable.Opened)
    def _choose(self, message: RowTable.Opened) -> None:
        if not too_small(self):
            self.dismiss(self._choices[int(message.key)] if message.key else None)
